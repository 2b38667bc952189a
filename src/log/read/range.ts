import { Prisma, type PrismaClient } from '../../db/generated/prisma/client.ts'
import type { LoggedEvent } from '../event.ts'

/** Part of a stream: the events between two positions, both exclusive, perhaps of some types only. */
export interface Range {
  streamId: string
  /** Stored names, without repeats. Absent: all types. */
  types?: readonly string[]
  /** Only these positions, and then all types. */
  only?: readonly number[]
  low: number
  high: number
}

/** Where to stop: after so many events, or before their payloads have more than so many bytes, but not before the first. */
export interface Limit {
  events: number
  bytes: number
}

/** An event with the length of its payload, in bytes of UTF-8. */
export interface SizedEvent extends LoggedEvent {
  bytes: number
}

/** What a range holds, as far as the limit lets it be read. */
export interface Read {
  events: SizedEvent[]
  /** Whether the limit ended it, so that there may be more in the range. */
  more: boolean
  /** Whether that was the limit of bytes: there is more in the range. */
  cut: boolean
  /** The earliest position that is kept: what the range holds below it is removed. */
  first: number
  /** How often payloads of the stream were removed. */
  redactions: number
}

/** ASC from `low` upwards, DESC from `high` downwards. */
export type Direction = 'ASC' | 'DESC'

interface Bounds {
  first: bigint
  redactions: number
}

interface Row extends Bounds {
  seq: bigint
  id: string
  type: string
  at: number
  data: string
  bytes: number
  redacted_at: number | null
  found: bigint
}

/** Reads the range in that direction, up to the limit. Costs what the result costs, however long the stream is. */
export async function readRange(
  db: PrismaClient,
  range: Range,
  direction: Direction,
  { events: limit, bytes }: Limit,
): Promise<Read> {
  const { streamId, types } = range
  const order = DIRECTIONS[direction]
  const bounds = boundsOf(range, direction, limit)
  // One row at least, whatever the range holds: what is kept and what is read are of the same moment.
  const rows = await db.$queryRaw<(Row | (Bounds & { seq: null }))[]>`
    SELECT s.first, s.redactions, p.seq, p.id, p.type, p.data, p.bytes, p.found,
           extract(epoch FROM p.created_at)::float8 * 1000 AS at, extract(epoch FROM p.redacted_at)::float8 * 1000 AS redacted_at
      FROM stream s
      LEFT JOIN LATERAL (
        SELECT *, count(*) OVER () AS found, octet_length(data) AS bytes,
                  sum(octet_length(data)) OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) AS upto
          FROM (SELECT e.*
                  FROM ${types ? eventsOfTypes(range, types, order, limit) : Prisma.sql`event e`}
                 WHERE e.stream_id = ${streamId}::uuid AND e.seq >= s.first AND ${bounds}
                 ORDER BY e.seq ${order} LIMIT ${limit}) page) p ON p.upto <= ${bytes} OR p.upto = p.bytes
     WHERE s.id = ${streamId}::uuid
     ORDER BY p.seq ${order}`
  const { first, redactions } = rows[0] ?? { first: 1, redactions: 0 }
  const events = rows.filter((row) => row.seq !== null).map((row) => toEvent(streamId, row))
  const found = rows[0]?.seq == null ? 0 : Number(rows[0].found)
  const cut = events.length < found
  return { events, more: found === limit || cut, cut, first: Number(first), redactions }
}

function toEvent(streamId: string, { seq, id, type, at, data, bytes, redacted_at }: Row): SizedEvent {
  const redactedAt = redacted_at === null ? null : new Date(Math.round(redacted_at))
  return { streamId, seq: Number(seq), id, type, createdAt: new Date(Math.round(at)), data, bytes, redactedAt }
}

function boundsOf(range: Range, direction: Direction, limit: number): Prisma.Sql {
  const { types, only, low, high } = range
  if (only) return Prisma.sql`e.seq = ANY(${only}::bigint[]) AND e.seq > ${low} AND e.seq < ${high}`
  return types ? Prisma.sql`e.seq > ${low} AND e.seq < ${high}` : narrowed(range, direction, limit)
}

// Positions are dense, so the page's own are known. Saying so keeps the planner, which may know nothing of how the table has grown,
// from reading the whole stream and sorting it.
function narrowed({ low, high }: Range, direction: Direction, limit: number): Prisma.Sql {
  return direction === 'ASC'
    ? Prisma.sql`e.seq > ${low} AND e.seq < least(${high}::bigint, greatest(${low + 1}::bigint, s.first) + ${limit})`
    : Prisma.sql`e.seq > ${Math.max(low, high - 1 - limit)} AND e.seq < ${high}`
}

const DIRECTIONS = { ASC: Prisma.raw('ASC'), DESC: Prisma.raw('DESC') } as const

// Each type's own index range is ordered, their union is not: take the page from each, merge, and only then read the events.
function eventsOfTypes(
  { streamId, low, high }: Range,
  types: readonly string[],
  order: Prisma.Sql,
  limit: number,
): Prisma.Sql {
  return Prisma.sql`
    (SELECT s.seq FROM unnest(${types}::text[]) AS t(type) CROSS JOIN LATERAL (
        SELECT x.seq FROM event x
         WHERE x.stream_id = ${streamId}::uuid AND x.type = t.type AND x.seq >= s.first AND x.seq > ${low} AND x.seq < ${high}
         ORDER BY x.seq ${order} LIMIT ${limit}) s
      ORDER BY s.seq ${order} LIMIT ${limit}) k
    CROSS JOIN LATERAL (SELECT * FROM event x WHERE x.stream_id = ${streamId}::uuid AND x.seq = k.seq LIMIT 1) e`
}
