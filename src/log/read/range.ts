import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import type { LoggedEvent } from '../event.ts'
import { MissingEventsError } from './damage.ts'
import { VERSION } from './version.ts'

/** The events between two exclusive positions: of `types` (distinct stored names, default all), or those at `only`. */
export interface Range {
  streamId: string
  types?: readonly string[]
  only?: readonly number[]
  low: number
  high: number
}

/** First characters of each payload that are read, 0 for none; absent: all. */
export type Prefix = number | undefined

/** Stops after `events`, or before what is read of payloads exceeds `bytes`, but not before the first event. */
export interface Limit {
  events: number
  bytes: number
  prefix?: Prefix
}

/** `bytes`: of what was read of the payload. */
export interface SizedEvent extends LoggedEvent {
  bytes: number
}

/** `more`: a limit ended the read. `cut`: the byte limit did, the range holds more. Below `first`, all is removed. */
export interface Read {
  exists: boolean
  events: SizedEvent[]
  more: boolean
  cut: boolean
  first: number
  head: number
  epoch: number
  redactions: number
  version: string
}

export type Direction = 'ASC' | 'DESC'

interface StreamRow {
  first: bigint
  head: bigint
  epoch: bigint
  redactions: number
  version: string
}

interface Row extends StreamRow {
  seq: bigint
  id: string
  type: string
  at: number
  data: string
  bytes: number
  size: number
  redacted_at: number | null
  found: bigint
}

/** Reads a range up to the limit, at a cost that depends on the result, not on the stream's length. */
export async function readRange(
  db: Queries,
  range: Range,
  direction: Direction,
  { events: limit, bytes, prefix }: Limit,
): Promise<Read> {
  const { streamId, types } = range
  const order = DIRECTIONS[direction]
  const bounds = boundsOf(range, direction, limit)
  // Always one row for an existing stream, so that bounds and events come from the same snapshot.
  const rows = await db.$queryRaw<(Row | (StreamRow & { seq: null }))[]>`
    SELECT s.first, s.head, coalesce(h.id, 0) AS epoch, s.redactions, ${VERSION} AS version,
           p.seq, p.id, p.type, p.data, p.size, p.bytes, p.found,
           extract(epoch FROM p.created_at)::float8 * 1000 AS at,
           extract(epoch FROM p.redacted_at)::float8 * 1000 AS redacted_at
      FROM stream s
      LEFT JOIN epoch h ON h.number = s.epoch_number
      LEFT JOIN LATERAL (
        SELECT *, count(*) OVER () AS found, octet_length(data) AS bytes,
                  sum(octet_length(data)) OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) AS upto
          FROM (SELECT e.seq, e.id, e.type, e.created_at, e.redacted_at, octet_length(e.data) AS size, ${dataUpTo(prefix)}
                  FROM ${types ? eventsOfTypes(range, types, order, limit) : Prisma.sql`event e`}
                 WHERE e.stream_id = ${streamId}::uuid AND e.seq >= s.first AND ${bounds}
                 ORDER BY e.seq ${order} LIMIT ${limit}) page) p ON p.upto <= ${bytes} OR p.upto = p.bytes
     WHERE s.id = ${streamId}::uuid
     ORDER BY p.seq ${order}`
  const { first, head, epoch, redactions, version } = rows[0] ?? NO_STREAM
  const events = rows.filter((row) => row.seq !== null).map((row) => toEvent(streamId, row))
  const found = rows[0]?.seq == null ? 0 : Number(rows[0].found)
  const cut = events.length < found
  const exists = rows.length > 0
  const read = { exists, events, more: found === limit || cut, cut, first: Number(first), head: Number(head) }
  if (exists && !types) checkComplete(range, direction, limit, read)
  return { ...read, epoch: Number(epoch), redactions, version }
}

const NO_STREAM = { first: 1, head: 0, epoch: 0, redactions: 0, version: '' } as const

export class MissingEventError extends MissingEventsError {
  readonly head: number
  readonly position: number

  constructor({ streamId }: Range, head: number, expected: number, found: number | undefined) {
    super(`Stream ${streamId} lacks the event at position ${expected}: found ${found ?? 'none'}.`)
    this.head = head
    this.position = expected
  }
}

// Positions have no holes, so what a range holds is known from the bounds of the same snapshot.
function checkComplete(
  range: Range,
  direction: Direction,
  limit: number,
  { events, cut, first, head }: Pick<Read, 'events' | 'cut' | 'first' | 'head'>,
): void {
  const [lowest, highest] = [Math.max(range.low + 1, first), Math.min(range.high - 1, head)]
  const only = range.only && chosen(range.only, lowest, highest, direction)
  const count = cut ? events.length : Math.max(0, Math.min(limit, only?.length ?? highest - lowest + 1))
  for (let i = 0; i < Math.max(count, events.length); i++) {
    const dense = direction === 'ASC' ? lowest + i : highest - i
    const expected = only?.[i] ?? dense
    if (events[i]?.seq !== expected) throw new MissingEventError(range, head, expected, events[i]?.seq)
  }
}

function chosen(positions: readonly number[], lowest: number, highest: number, direction: Direction): number[] {
  const within = [...new Set(positions)].filter((seq) => seq >= lowest && seq <= highest)
  return within.sort((a, b) => (direction === 'ASC' ? a - b : b - a))
}

function toEvent(streamId: string, { seq, id, type, at, data, size, bytes, redacted_at, epoch }: Row): SizedEvent {
  const redactedAt = redacted_at === null ? null : new Date(Math.round(redacted_at))
  return {
    streamId,
    seq: Number(seq),
    id,
    type,
    createdAt: new Date(Math.round(at)),
    data,
    size,
    bytes,
    redactedAt,
    epoch: Number(epoch),
  }
}

// Neither the size of a long payload nor its beginning makes PostgreSQL read all of it.
function dataUpTo(prefix: Prefix): Prisma.Sql {
  if (prefix === undefined) return Prisma.sql`e.data`
  return prefix === 0 ? Prisma.sql`'' AS data` : Prisma.sql`left(e.data, ${prefix}::int) AS data`
}

function boundsOf(range: Range, direction: Direction, limit: number): Prisma.Sql {
  const { types, only, low, high } = range
  if (only) return Prisma.sql`e.seq = ANY(${only}::bigint[]) AND e.seq > ${low} AND e.seq < ${high}`
  return types ? Prisma.sql`e.seq > ${low} AND e.seq < ${high}` : narrowed(range, direction, limit)
}

// Positions are dense, so the page's are known; saying so keeps a planner without statistics from sorting the stream.
function narrowed({ low, high }: Range, direction: Direction, limit: number): Prisma.Sql {
  return direction === 'ASC'
    ? Prisma.sql`e.seq > ${low} AND e.seq < least(${high}::bigint, greatest(${low + 1}::bigint, s.first) + ${limit})`
    : Prisma.sql`e.seq > greatest(${low}::bigint, least(${high - 1}::bigint, s.head) - ${limit}) AND e.seq < ${high}`
}

const DIRECTIONS = { ASC: Prisma.raw('ASC'), DESC: Prisma.raw('DESC') } as const

// Each type's index range is ordered, their union is not: take a page of each, merge, then read the events.
function eventsOfTypes(
  { streamId, low, high }: Range,
  types: readonly string[],
  order: Prisma.Sql,
  limit: number,
): Prisma.Sql {
  return Prisma.sql`
    (SELECT s.seq FROM unnest(${types}::text[]) AS t(type) CROSS JOIN LATERAL (
        SELECT x.seq FROM event x
         WHERE x.stream_id = ${streamId}::uuid AND x.type = t.type
           AND x.seq >= s.first AND x.seq > ${low} AND x.seq < ${high}
         ORDER BY x.seq ${order} LIMIT ${limit}) s
      ORDER BY s.seq ${order} LIMIT ${limit}) k
    CROSS JOIN LATERAL (SELECT * FROM event x WHERE x.stream_id = ${streamId}::uuid AND x.seq = k.seq LIMIT 1) e`
}
