import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import type { LoggedEvent } from './event.ts'

/** Part of a stream: the events between two positions, both exclusive, perhaps of some types only. */
export interface Range {
  streamId: string
  /** Stored names, without repeats. Absent: all types. */
  types?: readonly string[]
  low: number
  high: number
}

/** Where to stop: after so many events, or after the one with which their payloads reach so many bytes. */
export interface Limit {
  events: number
  bytes: number
}

/** What a range holds, as far as the limit lets it be read. */
export interface Read {
  events: LoggedEvent[]
  /** Whether the limit ended it, so that there may be more in the range. */
  more: boolean
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
  const { streamId, types, low, high } = range
  const order = DIRECTIONS[direction]
  const bounds = types ? Prisma.sql`e.seq > ${low} AND e.seq < ${high}` : narrowed(range, direction, limit)
  // One row at least, whatever the range holds: what is kept and what is read are of the same moment.
  const rows = await db.$queryRaw<(Row | (Bounds & { seq: null }))[]>`
    SELECT s.first, s.redactions, p.seq, p.id, p.type, p.data, p.found,
           extract(epoch FROM p.created_at)::float8 * 1000 AS at, extract(epoch FROM p.redacted_at)::float8 * 1000 AS redacted_at
      FROM stream s
      LEFT JOIN LATERAL (
        SELECT *, count(*) OVER () AS found,
                  sum(octet_length(data)) OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) - octet_length(data) AS before
          FROM (SELECT e.*
                  FROM ${types ? eventsOfTypes(range, types, order, limit) : Prisma.sql`event e`}
                 WHERE e.stream_id = ${streamId}::uuid AND e.seq >= s.first AND ${bounds}
                 ORDER BY e.seq ${order} LIMIT ${limit}) page) p ON p.before < ${bytes}
     WHERE s.id = ${streamId}::uuid
     ORDER BY p.seq ${order}`
  const { first, redactions } = rows[0] ?? { first: 1, redactions: 0 }
  const events = rows.filter((row) => row.seq !== null).map((row) => toEvent(streamId, row))
  const found = rows[0]?.seq == null ? 0 : Number(rows[0].found)
  return { events, more: found === limit || events.length < found, first: Number(first), redactions }
}

function toEvent(streamId: string, { seq, id, type, at, data, redacted_at }: Row): LoggedEvent {
  const redactedAt = redacted_at === null ? null : new Date(Math.round(redacted_at))
  return { streamId, seq: Number(seq), id, type, createdAt: new Date(Math.round(at)), data, redactedAt }
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
