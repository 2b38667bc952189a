import { gql, type TypedDocumentNode } from '@urql/core'
import { request } from '../../api/request.ts'
import type { EventType } from '../event-row.ts'

/** Ranges that one document counts: it may have as many aliases. */
export const MOST_RANGES = 30

type Counts = Record<string, { totalCount: number }>
type CountDocument = TypedDocumentNode<Counts, Record<string, unknown>>

/** A document that counts the events of some time ranges from the counters of the server, without reading any. */
export function countDocument(ranges: number): CountDocument {
  const indexes = [...Array(ranges).keys()]
  const times = [...indexes, ranges].map((index) => `$t${index}: DateTime!`).join(' ')
  const fields = indexes.map(
    (index) =>
      `c${index}: workerEvents(datasetId: $id, types: $types, since: $t${index}, until: $t${index + 1}, first: 0) ` +
      '{ totalCount }',
  )
  return gql(`query CountRanges($id: UUID!, $types: [WorkerEventType!], ${times}) { ${fields.join(' ')} }`)
}

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
