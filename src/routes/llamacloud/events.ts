import { ANY_EPOCH, encodeCursor } from '../../log/cursor.ts'
import { type Operation, ReadFailedError, type Run } from '../run-operation.ts'
import type { ReportRequest } from './query.ts'

interface Report {
  organizationId: string
  projectId: string | null
}

export const FindReport: Operation<{ id: string }, { report: Report | null }> = {
  query: 'query LlamaReport($id: UUID!) { report(id: $id) { organizationId projectId } }',
}

interface EventNode {
  id: string
  seq: number
  timestamp: Date
  eventData: { type: string }
}

interface EventConnection {
  nodes: EventNode[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
}

const ReadEvents: Operation<
  { reportId: string; since?: Date; after: string | null; first: number },
  { reportEvents: EventConnection }
> = {
  query: `query LlamaReportEvents($reportId: UUID!, $since: DateTime, $after: String, $first: Int!) {
    reportEvents(reportId: $reportId, since: $since, after: $after, order: OLDEST_FIRST, first: $first) {
      nodes { ... on ReportEventItem { id seq timestamp eventData } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
}

const ReadHead: Operation<{ reportId: string }, { reportEvents: { nodes: { seq: number }[] } }> = {
  query: `query LlamaReportHead($reportId: UUID!) {
    reportEvents(reportId: $reportId, last: 1) { nodes { ... on ReportEventItem { seq } } }
  }`,
}

export interface LlamaEvent {
  id: string
  report_id: string
  event_type: string
  event_data: { type: string }
  timestamp: Date
}

export function toLlamaEvent(reportId: string, { id, timestamp, eventData }: Omit<EventNode, 'seq'>): LlamaEvent {
  return { id, report_id: reportId, event_type: eventData.type, event_data: eventData, timestamp }
}

/** `first`: most events of a page; `last`: position of the last event; `next`: cursor of the next page, if any. */
export interface LlamaPage {
  events: LlamaEvent[]
  first: number
  last?: number
  next?: string | null
}

interface PageRange {
  after: string | null
  head?: number
  first?: number
}

const MOST_EVENTS = 1_000

/** Reads a page, by default the first. @throws ReadFailedError if report or key are gone, or one event is too large. */
export async function readLlamaPage(
  run: Run,
  request: ReportRequest,
  { after, head = Infinity, first = MOST_EVENTS }: PageRange = { after: startOf(request) },
): Promise<LlamaPage> {
  const reportId = request.path.report_id
  const { data, errorCode } = await run(ReadEvents, { reportId, since: request.query.after, after, first })
  // Only the cursor of `startOf` can be invalid: a position past the head, with no events after it.
  if (errorCode === 'CURSOR_INVALID') return { events: [], first }
  // Retention removed some events and the API cannot say so: continue with the rest, all of them newer.
  if (errorCode === 'CURSOR_EXPIRED' && after !== null) return readLlamaPage(run, request, { after: null, head, first })
  // The page needs more memory than a caller may use, and the API has no page size that the client could reduce.
  if (errorCode === 'BAD_USER_INPUT' && first > 1)
    return readLlamaPage(run, request, { after, head, first: Math.floor(first / 2) })
  if (errorCode) throw new ReadFailedError(errorCode)
  const { nodes, pageInfo } = data.reportEvents
  const wanted = nodes.filter(({ seq }) => seq <= head)
  const events = wanted.map((node) => toLlamaEvent(reportId, node))
  const last = wanted.at(-1)?.seq
  return pageInfo.hasNextPage && wanted.length === nodes.length
    ? { events, first, last, next: pageInfo.endCursor }
    : { events, first, last }
}

export async function readLlamaHead(run: Run, { path }: ReportRequest): Promise<number> {
  const { data, errorCode } = await run(ReadHead, { reportId: path.report_id })
  if (errorCode) throw new ReadFailedError(errorCode)
  return data.reportEvents.nodes[0]?.seq ?? 0
}

function startOf({ path, query }: ReportRequest): string | null {
  const sequence = query.last_sequence ?? 0
  return sequence > 0 ? encodeCursor(path.report_id, { seq: sequence, epoch: ANY_EPOCH }) : null
}
