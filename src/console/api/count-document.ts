import { parse } from '@0no-co/graphql.web'
import type { TadaDocumentNode } from 'gql.tada'

/** Ranges that one document counts: it may have as many aliases. */
export const MOST_RANGES = 30

export const COUNTED = {
  datasetId: { field: 'workerEvents', filter: 'types', type: '[WorkerEventType!]' },
  reportId: { field: 'reportEvents', filter: 'kinds', type: '[ReportEventKind!]' },
} as const

type Counts = Record<string, { totalCount: number }>
type CountDocument = TadaDocumentNode<Counts, Record<string, unknown>>

/** A document that counts the events of some time ranges from the counters of the server, without reading any. */
export function countDocument(of: keyof typeof COUNTED, ranges: number): CountDocument {
  const { field, filter, type } = COUNTED[of]
  const indexes = [...Array(ranges).keys()]
  const times = [...indexes, ranges].map((index) => `$t${index}: DateTime!`).join(' ')
  const fields = indexes.map(
    (index) =>
      `c${index}: ${field}(${of}: $id, ${filter}: $filter, since: $t${index}, until: $t${index + 1}, first: 0) ` +
      '{ totalCount }',
  )
  const text = `query CountRanges($id: UUID!, $filter: ${type}, ${times}) { ${fields.join(' ')} }`
  return parse(text, { noLocation: true }) as CountDocument
}
