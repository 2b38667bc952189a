import { request } from '../../api/request.ts'
import type { EventType } from '../event-row.ts'
import { countDocument, MOST_RANGES } from './count-document.ts'

/** @param edges the times between the ranges, in order: one more than there are ranges. @throws ApiError. */
export async function countRanges(
  id: string,
  types: readonly EventType[],
  edges: readonly number[],
): Promise<number[]> {
  const counts: number[] = []
  for (let from = 0; from < edges.length - 1; from += MOST_RANGES) {
    const part = edges.slice(from, from + MOST_RANGES + 1)
    const times = Object.fromEntries(part.map((time, index) => [`t${index}`, new Date(time).toISOString()]))
    const data = await request(countDocument(part.length - 1), { id, types, ...times })
    for (let index = 0; index < part.length - 1; index++) counts.push(data[`c${index}`]?.totalCount ?? 0)
  }
  return counts
}
