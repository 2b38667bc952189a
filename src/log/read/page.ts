import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { type Bounds, positionOf } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { countRange } from './counters.ts'
import { type Direction, type Range, readRange } from './range.ts'
import { type Reading, readCounted, UNCOUNTED } from './reading.ts'

const DEFAULT_PAGE = 20

const MAX_PAGE = 1_000

/** Most payload bytes on a page, which may make it shorter than requested. */
export const MAX_PAGE_BYTES = 16_777_216

/** `since` is inclusive, `until` exclusive; cursors and `first`/`last` follow the Relay connection specification. */
export interface PageRequest {
  /** Stored names; absent or empty: all types. */
  types?: readonly string[] | null
  since?: Date | null
  until?: Date | null
  order: 'NEWEST_FIRST' | 'OLDEST_FIRST'
  first?: number | null
  after?: string | null
  last?: number | null
  before?: string | null
}

/** One page, in the requested order; `total` counts all events that match the filters. */
export interface Page {
  events: LoggedEvent[]
  hasNextPage: boolean
  hasPreviousPage: boolean
  total: () => Promise<number>
}

/** @throws CodedError BAD_USER_INPUT (`first`, `last`), CURSOR_INVALID, CURSOR_EXPIRED or NOT_FOUND (stream). */
export async function page(
  db: PrismaClient,
  streamId: string,
  request: PageRequest,
  reading: Reading = UNCOUNTED,
): Promise<Page> {
  for (;;) {
    const page = await readPage(db, streamId, request, reading)
    // Part of the page may have been removed meanwhile: read again.
    if (page) return page
  }
}

async function readPage(
  db: PrismaClient,
  streamId: string,
  request: PageRequest,
  reading: Reading,
): Promise<Page | undefined> {
  const backward = request.last != null
  const limit = pageLimit(request)
  const filtered = await filteredRange(db, streamId, request)
  const newestFirst = request.order === 'NEWEST_FIRST'
  const [lowCursor, highCursor] = newestFirst ? [request.before, request.after] : [request.after, request.before]
  const range = {
    ...filtered.range,
    low: Math.max(filtered.range.low, position(streamId, lowCursor, filtered.bounds) ?? 0),
    high: Math.min(filtered.range.high, position(streamId, highCursor, filtered.bounds) ?? Number.MAX_SAFE_INTEGER),
  }
  const direction: Direction = newestFirst === backward ? 'ASC' : 'DESC'
  // One extra event tells whether there are more; beyond a cursor, on either side, only a separate query does.
  const read = await readCounted(db, range, direction, { events: limit + 1, bytes: MAX_PAGE_BYTES }, reading)
  if (read.first > filtered.bounds.first) return undefined
  const events = read.events.slice(0, limit)
  const below = () => holdsEvents(db, { ...filtered.range, high: range.low + 1 })
  const above = () => holdsEvents(db, { ...filtered.range, low: range.high - 1 })
  const [toStart, toEnd] = direction === 'ASC' ? [below, above] : [above, below]
  const back = await toStart()
  const ahead = read.more || (await toEnd())
  return {
    events: backward ? events.reverse() : events,
    hasNextPage: backward ? back : ahead,
    hasPreviousPage: backward ? ahead : back,
    total: () => countRange(db, filtered.range),
  }
}

function pageLimit({ first, last }: PageRequest): number {
  if (first != null && last != null)
    throw new CodedError('BAD_USER_INPUT', 'first and last cannot be combined. Set one of them.')
  const [name, limit] = last != null ? ['last', last] : ['first', first ?? DEFAULT_PAGE]
  if (limit < 0 || limit > MAX_PAGE) {
    throw new CodedError('BAD_USER_INPUT', `${name} must be between 0 and ${MAX_PAGE}, not ${limit}.`)
  }
  return limit
}

interface Row {
  first: bigint
  head: bigint
  low: bigint
  high: bigint
}

// Times and positions rise together, so a time span is a range of positions.
async function filteredRange(
  db: PrismaClient,
  streamId: string,
  { types, since, until }: PageRequest,
): Promise<{ range: Range; bounds: Bounds }> {
  const rows = await db.$queryRaw<Row[]>`
    SELECT first, head,
           CASE WHEN ${since != null} THEN event_seq_at(id, to_timestamp(${since?.getTime() ?? 0}::float8 / 1000)) - 1 ELSE first - 1 END AS low,
           CASE WHEN ${until != null} THEN event_seq_at(id, to_timestamp(${until?.getTime() ?? 0}::float8 / 1000)) ELSE head + 1 END AS high
      FROM stream WHERE id = ${streamId}::uuid`
  const row = rows[0]
  if (!row) throw new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
  const distinct = types?.length ? [...new Set(types)] : undefined
  return {
    range: { streamId, types: distinct, low: Number(row.low), high: Number(row.high) },
    bounds: { first: Number(row.first), head: Number(row.head) },
  }
}

function position(streamId: string, cursor: string | null | undefined, bounds: Bounds): number | undefined {
  return cursor == null ? undefined : positionOf(streamId, cursor, bounds)
}

async function holdsEvents(db: PrismaClient, range: Range): Promise<boolean> {
  const { events } = await readRange(db, range, 'ASC', { events: 1, bytes: 1 })
  return events.length > 0
}
