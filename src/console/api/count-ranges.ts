import { type COUNTED, countDocument, MOST_RANGES } from './count-document.ts'
import { request } from './request.ts'

interface Counted {
  readonly of: keyof typeof COUNTED
  readonly id: string
  /** Types or kinds that count; all if there are none. */
  readonly filter?: readonly string[]
}

/** @param edges the times between the ranges, in order: one more than there are ranges. @throws ApiError. */
export async function countRanges({ of, id, filter }: Counted, edges: readonly number[]): Promise<number[]> {
  const counts: number[] = []
  for (let from = 0; from < edges.length - 1; from += MOST_RANGES) {
    const part = edges.slice(from, from + MOST_RANGES + 1)
    const times = Object.fromEntries(part.map((time, index) => [`t${index}`, new Date(time).toISOString()]))
    const data = await request(countDocument(of, part.length - 1), { id, filter, ...times })
    for (let index = 0; index < part.length - 1; index++) counts.push(data[`c${index}`]?.totalCount ?? 0)
  }
  return counts
}
