import type { Context } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { Call } from '../../lib/call.ts'
import { HEARTBEAT_MS } from '../../lib/heartbeat.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import type { Peer } from '../../lib/peer.ts'
import { ANY_EPOCH, decodeCursor, encodeCursor } from '../../log/cursor.ts'
import type { Follow, Operation, Run } from '../run-operation.ts'
import { type LlamaEvent, toLlamaEvent } from './events.ts'
import type { ReportRequest } from './query.ts'

interface Edge {
  cursor: string
  node: Pick<LlamaEvent, 'id' | 'timestamp'> & { eventData: LlamaEvent['event_data'] }
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
}

// The page is read for its errors: a cursor of another history says nothing about this one.
const FindRest: Operation<{ reportId: string; after: string }, Rest> = {
  query: `query LlamaReportRest($reportId: UUID!, $after: String!) {
    report(id: $reportId) { snapshot { cursor state { node { state } } } }
    reportEvents(reportId: $reportId, after: $after, order: OLDEST_FIRST, first: 1) { edges { cursor } }
  }`,
}

interface Streaming {
  run: Run
  follow: Follow
  peer: Peer
  lifecycle: Lifecycle
  call?: Call
}

/**
 * Streams the list's items as SSE with cursors as ids, so `Last-Event-ID` resumes. `event: complete` ends a finished
 * report; a client that returns then gets 204, which stops an EventSource. Any other end breaks the connection.
 */
export async function streamLlamaEvents(
  c: Context,
  { run, follow, peer, lifecycle, call }: Streaming,
  { path, query }: ReportRequest,
): Promise<Response> {
  const reportId = path.report_id
  if (await hasSeenAll(run, reportId, c.req.header('last-event-id'))) return c.body(null, 204)
  const after = await start(run, reportId, query)
  let { data: edges, errorCode } = await follow(FollowEvents, { reportId, after })
  // A client that counts events gets the retained ones, as in the list; a client with a cursor gets the error.
  if (errorCode === 'CURSOR_EXPIRED' && c.req.header('last-event-id') === undefined)
    ({ data: edges, errorCode } = await follow(FollowEvents, { reportId, after: null }))
  if (!edges) return errorResponse(c, errorCode)
  call?.end('ok')
  return streamSSE(
    c,
    async (stream) => {
      stream.onAbort(() => void edges.return?.())
      const heartbeat = setInterval(() => void stream.write(':\n\n'), HEARTBEAT_MS)
      try {
        await stream.write(':\n\n')
        for await (const { reportEvents } of edges) await write(stream, reportId, reportEvents)
        if (lifecycle.draining) peer.disconnect()
        else await stream.writeSSE({ event: 'complete', data: '' })
      } finally {
        clearInterval(heartbeat)
      }
    },
    // Logged where it was masked.
    async () => peer.disconnect(),
  )
}

async function write(stream: SSEStreamingApi, reportId: string, { cursor, node }: Edge): Promise<void> {
  await stream.writeSSE({ id: cursor, data: JSON.stringify(toLlamaEvent(reportId, node)) })
}

async function hasSeenAll(run: Run, reportId: string, lastEventId: string | undefined): Promise<boolean> {
  if (lastEventId === undefined) return false
  const { data } = await run(FindRest, { reportId, after: lastEventId })
  const { cursor, state } = data?.report?.snapshot ?? {}
  if (cursor === undefined || !ENDS.has(state?.node.state ?? '')) return false
  return decodeCursor(reportId, cursor).seq === decodeCursor(reportId, lastEventId).seq
}

// The later of both start positions; the context prefers a Last-Event-ID.
async function start(
  run: Run,
  reportId: string,
  { after, last_sequence = 0 }: ReportRequest['query'],
): Promise<string | null> {
  const bySequence = last_sequence > 0 ? encodeCursor(reportId, { seq: last_sequence, epoch: ANY_EPOCH }) : null
  if (!after) return bySequence
  const { data } = await run(FindBefore, { reportId, until: after })
  const byTime = data?.before.pageInfo.endCursor ?? null
  if (byTime === null) return bySequence
  return decodeCursor(reportId, byTime).seq > last_sequence ? byTime : bySequence
}

const PROBLEMS: Partial<Record<string, string>> = {
  CURSOR_INVALID: 'this is not a position of the report',
  CURSOR_EXPIRED: 'events after this position have been removed',
  EPOCH_CHANGED: 'the history of the report has changed since, read it again',
}

function errorResponse(c: Context, errorCode?: string): Response {
  if (errorCode === 'RATE_LIMITED') return c.json({ detail: 'This API key has too many streams open.' }, 429)
  const what = errorCode && PROBLEMS[errorCode]
  if (!what) return c.json({ detail: 'Report not found' }, 404)
  const input = c.req.header('last-event-id') ?? c.req.query('last_sequence') ?? null
  const loc = c.req.header('last-event-id') === undefined ? ['query', 'last_sequence'] : ['header', 'last-event-id']
  const msg = `Value error, ${what}`
  return c.json({ detail: [{ type: 'value_error', loc, msg, input }] }, 422)
}
