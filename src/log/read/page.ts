import type { Queries } from '../../db/queries.ts'
import { CodedError } from '../../errors.ts'
import type { LoggedEvent } from '../event.ts'
import { NO_LIMIT, type ReadBudget } from './budgeted-read.ts'
import { readCached } from './cached-range.ts'
import { countRange } from './counters.ts'
import { positionOf } from './epochs.ts'
import { isOfState, readAsOfOneState } from './one-state.ts'
import { type Direction, type Prefix, type Range, readRange } from './range.ts'
import type { Wanted } from './removed.ts'
import type { Reads, Stream } from './stream-index.ts'
import { VERSION } from './version.ts'

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
  reads: Reads,
  stream: Stream,
  request: PageRequest,
  budget: ReadBudget = NO_LIMIT,
): Promise<Page> {
  return readAsOfOneState(reads, stream, (now) => readPage(reads, now, request, budget))
}

async function readPage(
  reads: Reads,
  stream: Stream,
  request: PageRequest,
  budget: ReadBudget,
): Promise<Page | undefined> {
  const { db } = reads
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
  if (!filtered) return undefined
  const range = {
    ...filtered,
    low: Math.max(filtered.low, cursors.low ?? 0),
    high: Math.min(filtered.high, cursors.high ?? Number.MAX_SAFE_INTEGER),
  }
  const direction: Direction = newestFirst === backward ? 'ASC' : 'DESC'
  // One extra event shows whether there are more; beyond a cursor, on either side, only a separate query does.
  const limits = { events: limit + 1, bytes: MAX_PAGE_BYTES, prefix: request.prefix }
  const read = await readCached(reads, stream, range, direction, limits, budget)
  if (!isOfState(read, stream)) return undefined
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

// Times and positions rise together, so a time span is a range of positions: undefined if they are of another state, in
// which events between were removed.
async function filteredRange(
  db: Queries,
  stream: Stream,
  { types, since, until }: PageRequest,
): Promise<Range | undefined> {
  const { id: streamId, first, head } = stream
  const distinct = types?.length ? [...new Set(types)] : undefined
  const range = { streamId, types: distinct, low: first - 1, high: head + 1 }
  if (since == null && until == null) return range
  const rows = await db.$queryRaw<{ first: bigint; version: string; since: bigint | null; until: bigint | null }[]>`
    SELECT s.first, ${VERSION} AS version,
           CASE WHEN ${since != null} THEN
             event_seq_at(${streamId}::uuid, to_timestamp(${since?.getTime() ?? 0}::float8 / 1000)) END AS since,
           CASE WHEN ${until != null} THEN
             event_seq_at(${streamId}::uuid, to_timestamp(${until?.getTime() ?? 0}::float8 / 1000)) END AS until
      FROM stream s WHERE s.id = ${streamId}::uuid`
  const at = rows[0]
  if (!at || !isOfState({ first: Number(at.first), head, version: at.version }, stream)) return undefined
  return {
    ...range,
    low: at.since == null ? range.low : Math.max(range.low, Number(at.since) - 1),
    high: at.until == null ? range.high : Math.min(range.high, Number(at.until)),
  }
}

async function positionIn(
  db: Queries,
  stream: Stream,
  cursor: string | null | undefined,
  wanted: Wanted,
): Promise<number | undefined> {
  return cursor == null ? undefined : await positionOf(db, stream, cursor, wanted)
}

async function holdsEvents(db: Queries, range: Range): Promise<boolean> {
  // Positions are dense, and the range begins at the first kept event.
  if (!range.types) return range.high - range.low > 1
  const { events } = await readRange(db, range, 'ASC', { events: 1, bytes: 1 })
  return events.length > 0
}
