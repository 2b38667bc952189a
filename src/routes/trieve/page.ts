import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import type { LoggedEvent } from '../../log/event.ts'
import type { NumberedPage } from '../../log/read/numbered-page.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import { storedType } from '../../log/worker-event-type.ts'
import type { Context } from '../../schema/context.ts'
import { TrieveError } from './error.ts'
import type { GetEventsData } from './schema.ts'

const MAX_PAGE_SIZE = 10_000
const MAX_INT32 = 2_147_483_647
const MAX_INT64 = 2n ** 63n - 1n

/** A page as requested. Those that are `empty` are counted only. */
export interface TrievePageRequest {
  /** Stored names, in order, so that the same filter has the same tag; empty for all. */
  readonly types: readonly string[]
  readonly page: number
  readonly pageSize: number
}

/** @throws TrieveError 400 out of range. */
export function toPageRequest({ page, page_size, event_types }: GetEventsData): TrievePageRequest {
  const request = { page: page ?? 1, pageSize: page_size ?? 10 }
  checkRange(request)
  return { ...request, types: [...new Set(event_types?.map(storedType))].sort() }
}

function checkRange({ page, pageSize }: Omit<TrievePageRequest, 'types'>): void {
  const isTooFar = page > 2 ** 53 / MAX_PAGE_SIZE && (BigInt(page) - 1n) * BigInt(pageSize) > MAX_INT64
  if (page < 1 || pageSize < 0 || isTooFar)
    throw new TrieveError(400, 'BadRequest: Failed to get all events and counts')
  if (pageSize > MAX_PAGE_SIZE) throw new TrieveError(400, `BadRequest: page_size must be at most ${MAX_PAGE_SIZE}`)
}

/** The body of a response, with the members in the order that clients expect: see `EventReturn`. */
export async function readTrievePage(
  { log, budget }: Context,
  stream: Stream,
  { types, page, pageSize }: TrievePageRequest,
): Promise<string> {
  // Pages beyond 32 bits are empty: no history that fits on a disk reaches them.
  const isEmpty = pageSize === 0 || page > MAX_INT32
  const request = { types, page: isEmpty ? MAX_INT32 : page, pageSize: Math.max(pageSize, 1) }
  const read = await log.numberedPage(stream, request)
  const events = isEmpty ? '' : await eventsText(read.events, stream.organizationId, budget)
  return `{"events":[${events}],"event_types":${JSON.stringify(read.types)},"page_count":${pageCount(read, pageSize)}}`
}

// Trieve also divides by a page size of 0, and its integers saturate.
function pageCount({ total, pageCount }: NumberedPage, pageSize: number): number {
  return pageSize === 0 && total > 0 ? MAX_INT32 : Math.min(pageCount, MAX_INT32)
}

/** Bytes of an event's text in memory beside its payload. */
const EVENT_BYTES = 512

async function eventsText(
  events: readonly LoggedEvent[],
  organizationId: string,
  budget: OperationBudget,
): Promise<string> {
  budget.reserve(events.reduce((sum, { data }) => sum + data.length + EVENT_BYTES, 0))
  let text = ''
  for (const event of events) {
    if (budget.mustWait) await budget.turn()
    text += (text && ',') + eventText(event, organizationId)
  }
  return text
}

function eventText({ id, createdAt, streamId, type, data }: LoggedEvent, organizationId: string): string {
  const at = createdAt.toISOString().replace('T', ' ').slice(0, -1)
  return (
    `{"id":"${id}","created_at":"${at}","dataset_id":"${streamId}","organization_id":"${organizationId}",` +
    `"event_type":${JSON.stringify(type)},"event_data":${JSON.stringify(data)}}`
  )
}
