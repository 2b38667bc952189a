import { gql, type TypedDocumentNode } from '@urql/core'

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
