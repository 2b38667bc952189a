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
}

/** ASC from `low` upwards, DESC from `high` downwards. */
export type Direction = 'ASC' | 'DESC'

interface Row {
  seq: bigint
  id: string
  type: string
  at: number
  data: string
  found: bigint
}

/** Reads the range in that direction, up to the limit. Costs what the result costs, however long the stream is. */
export async function readRange(
  db: PrismaClient,
  range: Range,
  direction: Direction,
  { events: limit, bytes }: Limit,
): Promise<Read> {
  if (range.high - range.low <= 1) return { events: [], more: false }
  const { streamId } = range
  const { low, high } = range.types ? range : narrowed(range, direction, limit)
  const order = DIRECTIONS[direction]
  const rows = await db.$queryRaw<Row[]>`
    SELECT seq, id, type, extract(epoch FROM created_at)::float8 * 1000 AS at, data, found
      FROM (SELECT *, count(*) OVER () AS found,
                   sum(octet_length(data)) OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) - octet_length(data) AS before
              FROM (SELECT e.*
                      FROM ${range.types ? eventsOfTypes(range, range.types, order, limit) : Prisma.sql`event e`}
                     WHERE e.stream_id = ${streamId}::uuid AND e.seq > ${low} AND e.seq < ${high}
                     ORDER BY e.seq ${order} LIMIT ${limit}) page) measured
     WHERE before < ${bytes}
     ORDER BY seq ${order}`
  const found = Number(rows[0]?.found ?? 0)
  const events = rows.map(({ seq, id, type, at, data }) => ({
    streamId,
    seq: Number(seq),
    id,
    type,
    createdAt: new Date(Math.round(at)),
    data,
  }))
  return { events, more: found === limit || rows.length < found }
}

// Positions are dense, so the page's own are known. Saying so keeps the planner, which may know nothing of how the table has grown,
// from reading the whole stream and sorting it.
function narrowed({ low, high }: Range, direction: Direction, limit: number): Pick<Range, 'low' | 'high'> {
  return direction === 'ASC'
    ? { low, high: Math.min(high, low + 1 + limit) }
    : { low: Math.max(low, high - 1 - limit), high }
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
         WHERE x.stream_id = ${streamId}::uuid AND x.type = t.type AND x.seq > ${low} AND x.seq < ${high}
         ORDER BY x.seq ${order} LIMIT ${limit}) s
      ORDER BY s.seq ${order} LIMIT ${limit}) k
    CROSS JOIN LATERAL (SELECT * FROM event x WHERE x.stream_id = ${streamId}::uuid AND x.seq = k.seq LIMIT 1) e`
}
