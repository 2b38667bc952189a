/** What a call reads or writes: the id of a dataset, or that of a report. */
export type StreamId = { readonly datasetId: string } | { readonly reportId: string }

interface Names {
  readonly id: 'datasetId' | 'reportId'
  readonly events: 'workerEvents' | 'reportEvents'
  readonly batches: 'workerEventBatches' | 'reportEventBatches'
  readonly record: 'recordWorkerEvents' | 'recordReportEvents'
  readonly input: 'WorkerEventInput' | 'ReportEventInput'
  /** Argument that selects events, and its type. */
  readonly filter: string
  /** Selected unless a call selects other fields. */
  readonly fields: string
}

const DATASET: Names = {
  id: 'datasetId',
  events: 'workerEvents',
  batches: 'workerEventBatches',
  record: 'recordWorkerEvents',
  input: 'WorkerEventInput',
  filter: 'types: [WorkerEventType!]',
  fields: 'id seq eventType eventData createdAt redactedAt',
}

const REPORT: Names = {
  id: 'reportId',
  events: 'reportEvents',
  batches: 'reportEventBatches',
  record: 'recordReportEvents',
  input: 'ReportEventInput',
  filter: 'kinds: [ReportEventKind!]',
  fields: `__typename
    ... on ReportEventItem { id seq timestamp message redactedAt }
    ... on ProgressEvent { groupId variant progress status extraDetail }
    ... on BlockUpdateEvent { block { idx template requiresHumanReview } }
    ... on StateEvent { state }`,
}

const namesOf = (stream: StreamId) => ('datasetId' in stream ? DATASET : REPORT)

export const idOf = (stream: StreamId) => ('datasetId' in stream ? stream.datasetId : stream.reportId)

export function batchesOf(stream: StreamId, fields: string | undefined): string {
  const names = namesOf(stream)
  const end = names === REPORT ? ', pastEnd: Boolean' : ''
  const given = `from: StreamStart, after: String, tail: Int, maxEvents: Int, maxWaitMs: Int${end}`
  const edges = `edges { cursor node { ${fields ?? names.fields} } }`
  return operation('subscription', names, names.batches, `${names.filter}, ${given}`, `${edges} cursor caughtUp behind`)
}

export function pagesOf(stream: StreamId, fields: string | undefined): string {
  const names = namesOf(stream)
  const given = 'since: DateTime, until: DateTime, order: EventOrder, first: Int, after: String'
  const edges = `edges { cursor node { ${fields ?? names.fields} } }`
  const info = 'pageInfo { endCursor hasNextPage }'
  return operation('query', names, names.events, `${names.filter}, ${given}`, `${edges} ${info}`)
}

export function recordOf(stream: StreamId): string {
  const names = namesOf(stream)
  return operation('mutation', names, names.record, `events: [${names.input}!]!`, 'results { id seq cursor outcome }')
}

/** @param given arguments with their types, each a variable of the same name. */
function operation(kind: string, { id }: Names, field: string, given: string, selection: string): string {
  const pairs = `${id}: UUID!, ${given}`.split(', ').map((pair) => pair.split(': ') as [string, string])
  const variables = pairs.map(([name, type]) => `$${name}: ${type}`).join(', ')
  const args = pairs.map(([name]) => `${name}: $${name}`).join(', ')
  return `${kind} (${variables}) { result: ${field}(${args}) { ${selection} } }`
}
