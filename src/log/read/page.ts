import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import type { LoggedEvent } from '../event.ts'
import { NO_LIMIT, type ReadBudget, readBudgeted } from './budgeted-read.ts'
import { countRange } from './counters.ts'
import { positionOf } from './epochs.ts'
import { type Direction, type Prefix, type Range, readRange } from './range.ts'
import type { Wanted } from './removed.ts'
import type { Reads, Stream } from './stream-index.ts'

const DEFAULT_PAGE = 20

const MAX_PAGE = 1_000

/** Most bytes that a page reads of payloads, which may make it shorter than requested. */
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
  prefix?: Prefix
}

/** One page, in the requested order. What only some callers ask for is read on request. */
export interface Page {
  events: LoggedEvent[]
  hasNextPage: () => Promise<boolean>
  hasPreviousPage: () => Promise<boolean>
  total: () => Promise<number>
}

/** @throws CodedError BAD_USER_INPUT (`first`, `last`), CURSOR_INVALID, CURSOR_EXPIRED or NOT_FOUND (stream). */
export async function page(
  { db, findStream }: Reads,
  stream: Stream,
  request: PageRequest,
  budget: ReadBudget = NO_LIMIT,
): Promise<Page> {
  for (let now: Stream | undefined = stream; now; now = await findStream(stream.id)) {
    const page = await readPage(db, now, request, budget)
    // Part of the page may have been removed or restored meanwhile: read again.
    if (page) return page
  }
  throw new CodedError('NOT_FOUND', `Stream ${stream.id} does not exist.`)
}

async function readPage(
  db: PrismaClient,
  stream: Stream,
  request: PageRequest,
  budget: ReadBudget,
): Promise<Page | undefined> {
  const backward = request.last != null
  const limit = pageLimit(request)
  const newestFirst = request.order === 'NEWEST_FIRST'
  const [lowCursor, highCursor] = newestFirst ? [request.before, request.after] : [request.after, request.before]
  const { types } = request
  const cursors = {
    low: await positionIn(db, stream, lowCursor, { types, side: 'NEWER' }),
    high: await positionIn(db, stream, highCursor, { types, side: 'OLDER' }),
  }
  const filtered = await filteredRange(db, stream, request)
  const range = {
    ...filtered,
    low: Math.max(filtered.low, cursors.low ?? 0),
    high: Math.min(filtered.high, cursors.high ?? Number.MAX_SAFE_INTEGER),
  }
  const direction: Direction = newestFirst === backward ? 'ASC' : 'DESC'
  // One extra event tells whether there are more; beyond a cursor, on either side, only a separate query does.
  const { prefix } = request
  const read = await readBudgeted(db, range, direction, { events: limit + 1, bytes: MAX_PAGE_BYTES, prefix }, budget)
  if (read.first > stream.first || read.head < stream.head || read.epoch !== stream.epoch) return undefined
  const events = read.events.slice(0, limit)
  const below = () => holdsEvents(db, { ...filtered, high: Math.min(filtered.high, range.low + 1) })
  const above = () => holdsEvents(db, { ...filtered, low: Math.max(filtered.low, range.high - 1) })
  const [back, toEnd] = direction === 'ASC' ? [below, above] : [above, below]
  const ahead = async () => read.more || (await toEnd())
  return {
    events: backward ? events.reverse() : events,
    hasNextPage: backward ? back : ahead,
    hasPreviousPage: backward ? ahead : back,
    total: () => countRange(db, filtered),
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

// Times and positions rise together, so a time span is a range of positions.
async function filteredRange(
  db: PrismaClient,
  { id: streamId, first, head }: Stream,
  { types, since, until }: PageRequest,
): Promise<Range> {
  const distinct = types?.length ? [...new Set(types)] : undefined
  const range = { streamId, types: distinct, low: first - 1, high: head + 1 }
  if (since == null && until == null) return range
  const rows = await db.$queryRaw<{ since: bigint | null; until: bigint | null }[]>`
    SELECT CASE WHEN ${since != null} THEN
             event_seq_at(${streamId}::uuid, to_timestamp(${since?.getTime() ?? 0}::float8 / 1000)) END AS since,
           CASE WHEN ${until != null} THEN
             event_seq_at(${streamId}::uuid, to_timestamp(${until?.getTime() ?? 0}::float8 / 1000)) END AS until`
  const at = rows[0]
  return {
    ...range,
    low: at?.since == null ? range.low : Math.max(range.low, Number(at.since) - 1),
    high: at?.until == null ? range.high : Math.min(range.high, Number(at.until)),
  }
}

async function positionIn(
  db: PrismaClient,
  stream: Stream,
  cursor: string | null | undefined,
  wanted: Wanted,
): Promise<number | undefined> {
  return cursor == null ? undefined : await positionOf(db, stream, cursor, wanted)
}

async function holdsEvents(db: PrismaClient, range: Range): Promise<boolean> {
  // Positions are dense, and the range begins at the first kept event.
  if (!range.types) return range.high - range.low > 1
  const { events } = await readRange(db, range, 'ASC', { events: 1, bytes: 1 })
  return events.length > 0
}
