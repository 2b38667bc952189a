import type { Context } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { OpenResponse } from '../../http/open-response.ts'
import type { Call } from '../../lib/call.ts'
import { HEARTBEAT_MS } from '../../lib/heartbeat.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { ANY_EPOCH, decodeCursor, encodeCursor } from '../../log/cursor.ts'
import { cutOff } from '../cut-off.ts'
import { toResponse } from '../hono-exchange.ts'
import { type ExpectedCode, type Follow, type Operation, ReadFailedError, type Run } from '../run-operation.ts'
import { readFailure } from './failure.ts'
import type { ReportRequest } from './query.ts'

interface Edge {
  cursor: string
  node: { id: string; timestamp: Date; eventData: { type: string } }
}

const FollowEvents: Operation<{ reportId: string; after: string | null }, { reportEvents: Edge }> = {
  query: `subscription LlamaReportEvents($reportId: UUID!, $after: String) {
    reportEvents(reportId: $reportId, after: $after, from: BEGINNING) {
      cursor
      node { ... on ReportEventItem { id timestamp eventData } }
    }
  }`,
}

interface Newest {
  before: { pageInfo: { endCursor: string | null } }
}

const FindBefore: Operation<{ reportId: string; until: Date }, Newest> = {
  query: `query LlamaReportBefore($reportId: UUID!, $until: DateTime!) {
    before: reportEvents(reportId: $reportId, until: $until, last: 1) { pageInfo { endCursor } }
  }`,
}

const ENDS = new Set(['COMPLETED', 'ERROR'])

interface Rest {
  report: { snapshot: { cursor: string; state: { node: { state: string } } | null } } | null
  rest: { nodes: unknown[] }
}

const FindRest: Operation<{ reportId: string; lastEventId: string }, Rest> = {
  query: `query LlamaReportRest($reportId: UUID!, $lastEventId: String!) {
    report(id: $reportId) { snapshot { cursor state { node { state } } } }
    rest: reportEvents(reportId: $reportId, after: $lastEventId, first: 1) { nodes { __typename } }
  }`,
}

interface Streaming {
  run: Run
  follow: Follow
  response: OpenResponse
  lifecycle: Lifecycle
  call?: Call
  lastEventId?: string
}

/** Ids are cursors. `event: complete` ends a finished report; then 204, which stops EventSources; or it breaks off. */
export async function streamLlamaEvents(
  c: Context,
  { run, follow, response, lifecycle, call, lastEventId }: Streaming,
  { path, query }: ReportRequest,
): Promise<Response> {
  const reportId = path.report_id
  if (lastEventId !== undefined && (await hasSeenAll(run, reportId, lastEventId))) return c.body(null, 204)
  const after = await start(run, reportId, query)
  let followed = await follow(FollowEvents, { reportId, after })
  // A client that counts events gets the retained ones, as in the list; a client with a cursor gets the error.
  if (followed.errorCode === 'CURSOR_EXPIRED' && lastEventId === undefined)
    followed = await follow(FollowEvents, { reportId, after: null })
  if (followed.errorCode) return errorResponse(c, followed.errorCode, lastEventId)
  const edges = followed.data
  call?.end('ok')
  return streamSSE(
    c,
    async (stream) => {
      stream.onAbort(() => void edges.return?.())
      const heartbeat = setInterval(() => void stream.write(':\n\n'), HEARTBEAT_MS)
      try {
        await stream.write(':\n\n')
        for await (const { reportEvents } of edges) await write(stream, reportId, reportEvents)
        if (lifecycle.draining) response.disconnect()
        else await stream.writeSSE({ event: 'complete', data: '' })
      } finally {
        clearInterval(heartbeat)
      }
    },
    async (error) => cutOff(response, error),
  )
}

async function write(stream: SSEStreamingApi, reportId: string, { cursor, node }: Edge): Promise<void> {
  const { id, timestamp, eventData } = node
  const item = { id, report_id: reportId, event_type: eventData.type, event_data: eventData, timestamp }
  await stream.writeSSE({ id: cursor, data: JSON.stringify(item) })
}

// The log decides whether a cursor is of the present history: one position has several texts.
async function hasSeenAll(run: Run, reportId: string, lastEventId: string): Promise<boolean> {
  const { data } = await run(FindRest, { reportId, lastEventId })
  const { cursor, state } = data?.report?.snapshot ?? {}
  if (!cursor || data?.rest.nodes.length !== 0) return false
  const isNewest = decodeCursor(reportId, cursor).seq === decodeCursor(reportId, lastEventId).seq
  return isNewest && ENDS.has(state?.node.state ?? '')
}

// The later of both start positions; the context prefers a Last-Event-ID.
async function start(
  run: Run,
  reportId: string,
  { after, last_sequence = 0 }: ReportRequest['query'],
): Promise<string | null> {
  const bySequence = last_sequence > 0 ? encodeCursor(reportId, { seq: last_sequence, epoch: ANY_EPOCH }) : null
  if (!after) return bySequence
  const { data, errorCode } = await run(FindBefore, { reportId, until: after })
  if (errorCode) throw new ReadFailedError(errorCode)
  const byTime = data.before.pageInfo.endCursor
  if (byTime === null) return bySequence
  return decodeCursor(reportId, byTime).seq > last_sequence ? byTime : bySequence
}

const PROBLEMS: Partial<Record<ExpectedCode, string>> = {
  CURSOR_INVALID: 'this is not a position of the report',
  CURSOR_EXPIRED: 'events after this position have been removed',
  EPOCH_CHANGED: 'the history of the report has changed since, read it again',
}

function errorResponse(c: Context, errorCode: ExpectedCode, lastEventId?: string): Response {
  if (errorCode === 'RATE_LIMITED') return c.json({ detail: 'This API key has too many streams open.' }, 429)
  const what = PROBLEMS[errorCode]
  if (!what) return toResponse(c, readFailure(errorCode))
  const input = lastEventId ?? c.req.query('last_sequence') ?? null
  const loc = lastEventId === undefined ? ['query', 'last_sequence'] : locationOf(c)
  const msg = `Value error, ${what}`
  return c.json({ detail: [{ type: 'value_error', loc, msg, input }] }, 422)
}

function locationOf(c: Context): string[] {
  return c.req.header('last-event-id') ? ['header', 'last-event-id'] : ['query', 'lastEventId']
}
