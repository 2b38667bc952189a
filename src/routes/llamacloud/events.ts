import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import { ANY_EPOCH, encodeCursor } from '../../log/cursor.ts'
import type { LoggedEvent } from '../../log/event.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import { legacyEventText } from '../../log/report/report-event.ts'
import type { Context } from '../../schema/context.ts'
import type { ReportRequest } from './query.ts'

/** `text`: events as members of a JSON array; `last`: the position of the last one; `next`: cursor of the next page. */
export interface LlamaPage {
  readonly text: string
  readonly last?: number
  readonly next?: string
}

/** `head`: the last position wanted; `first`: most events. */
export interface PageRange {
  readonly after: string | null
  readonly head: number
  readonly first: number
}

/** Reads a page of a list. @throws CodedError as the log does. */
export async function readLlamaPage(
  { log, budget }: Context,
  stream: Stream,
  { query }: ReportRequest,
  { after, head, first }: PageRange,
): Promise<LlamaPage> {
  const { events } = await log.page(stream, { order: 'OLDEST_FIRST', since: query.after, after, first })
  const wanted = events.filter(({ seq }) => seq <= head)
  const last = wanted.at(-1)
  return {
    text: await eventsText(wanted, budget),
    last: last?.seq,
    // Positions are dense, and the page may end early.
    next: last && last.seq < head ? encodeCursor(stream.id, last) : undefined,
  }
}

/** Where a list begins: a position that the client has counted, or the beginning. */
export function startOf({ path, query }: ReportRequest): string | null {
  const sequence = query.last_sequence ?? 0
  return sequence > 0 ? encodeCursor(path.report_id, { seq: sequence, epoch: ANY_EPOCH }) : null
}

/** Bytes of an event's text in memory beside its payload. */
const EVENT_BYTES = 512

async function eventsText(events: readonly LoggedEvent[], budget: OperationBudget): Promise<string> {
  budget.reserve(events.reduce((sum, { data }) => sum + data.length + EVENT_BYTES, 0))
  let text = ''
  for (const event of events) {
    if (budget.mustWait) await budget.turn()
    text += (text && ',') + eventText(event)
  }
  return text
}

function eventText(event: LoggedEvent): string {
  const { id, streamId, type, createdAt } = event
  return (
    `{"id":"${id}","report_id":"${streamId}","event_type":${JSON.stringify(type)},` +
    `"event_data":${legacyEventText(event)},"timestamp":"${createdAt.toISOString()}"}`
  )
}
