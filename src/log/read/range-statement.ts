import { Prisma } from '../../db/generated/prisma/client.ts'
import { statement } from '../../db/statement.ts'
import type { Direction, Limit, Prefix, Range } from './range.ts'
import { VERSION } from './version.ts'

// Several values are one text: the driver takes longer for a value than for reading it from a text.

type Values = readonly [
  streamId: string,
  low: number,
  high: number,
  events: number,
  bytes: number,
  prefix: number,
  chosen: readonly unknown[],
]

type Places = { readonly [Place in keyof Values]: unknown } & readonly unknown[]

type Kind = 'all' | 'types' | 'only'

const DIRECTIONS = { ASC: Prisma.raw('ASC'), DESC: Prisma.raw('DESC') } as const

/** The state of a stream, the row `s` with its epoch `h`: see `stateOf`. */
export const STREAM = Prisma.sql`concat_ws(' ', s.first, s.head, coalesce(h.id, 0), s.redactions, ${VERSION})`

/**
 * A row per event, and one for a stream without any, so that bounds and events come from the same snapshot: `stream`,
 * `found` (events before the limit in bytes), `event`, `type` and `data`.
 */
export function rangeStatement(range: Range, direction: Direction, { events, bytes, prefix }: Limit): Prisma.Sql {
  const { streamId, types, only, low, high } = range
  const kind = only ? 'only' : types ? 'types' : 'all'
  const made = cached(`${kind} ${direction} ${extentOf(prefix)}`, (places) => {
    const order = DIRECTIONS[direction]
    const [streamId, , , limit, bytes, length] = places
    return Prisma.sql`
      SELECT CASE WHEN coalesce(p.n, 1) = 1 THEN ${STREAM} END AS stream, coalesce(p.found, 0)::int AS found,
             CASE WHEN p.seq IS NOT NULL THEN concat_ws(' ', p.seq, p.size, p.bytes,
             ${timesOf(Prisma.raw('p'))}, p.id) END AS event,
             p.type, p.data
        FROM stream s
        LEFT JOIN epoch h ON h.number = s.epoch_number
        LEFT JOIN LATERAL (
          SELECT *, count(*) OVER () AS found, octet_length(data) AS bytes,
                    row_number() OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) AS n,
                    sum(octet_length(data)) OVER (ORDER BY seq ${order} ROWS UNBOUNDED PRECEDING) AS upto
            FROM (SELECT e.seq, e.id, e.type, e.created_at, e.redacted_at, octet_length(e.data) AS size,
                         ${dataUpTo(prefix, length)} AS data
                    FROM ${kind === 'types' ? eventsOfTypes(order, places) : Prisma.sql`event e`}
                   WHERE e.stream_id = ${streamId}::uuid AND e.seq >= s.first AND ${boundsOf(kind, order, places)}
                   ORDER BY e.seq ${order} LIMIT ${limit}) page) p ON p.upto <= ${bytes} OR p.upto = p.bytes
       WHERE s.id = ${streamId}::uuid
       ORDER BY p.seq ${order}`
  })
  return made(streamId, low, high, events, bytes, prefix ?? 0, only ?? types ?? [])
}

const statements = new Map<string, (...values: Values) => Prisma.Sql>()

function cached(name: string, make: (places: Places) => Prisma.Sql): (...values: Values) => Prisma.Sql {
  const known = statements.get(name)
  if (known) return known
  const made = statement<Values>(7, (...places) => make(places))
  statements.set(name, made)
  return made
}

function extentOf(prefix: Prefix): string {
  return prefix === undefined ? 'whole' : prefix === 0 ? 'nothing' : 'beginning'
}

/** When it was recorded and redacted, in Unix milliseconds; a hyphen if it was not. */
export function timesOf(row: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`extract(epoch FROM ${row}.created_at)::float8 * 1000,
    coalesce((extract(epoch FROM ${row}.redacted_at)::float8 * 1000)::text, '-')`
}

// Neither the size of a long payload nor its beginning makes PostgreSQL read all of it.
export function dataUpTo(prefix: Prefix, length: unknown): Prisma.Sql {
  if (prefix === undefined) return Prisma.sql`e.data`
  return prefix === 0 ? Prisma.sql`''` : Prisma.sql`left(e.data, ${length}::int)`
}

function boundsOf(kind: Kind, order: Prisma.Sql, [, low, high, limit, , , chosen]: Places): Prisma.Sql {
  if (kind === 'only') return Prisma.sql`e.seq = ANY(${chosen}::bigint[]) AND e.seq > ${low} AND e.seq < ${high}`
  if (kind === 'types') return Prisma.sql`e.seq > ${low} AND e.seq < ${high}`
  // Positions are dense, so the page's are known; saying so keeps a planner without statistics from sorting the stream.
  return order === DIRECTIONS.ASC
    ? Prisma.sql`e.seq > ${low} AND e.seq < least(${high}::bigint, greatest(${low}::bigint + 1, s.first) + ${limit})`
    : Prisma.sql`e.seq > greatest(${low}::bigint, least(${high}::bigint - 1, s.head) - ${limit}) AND e.seq < ${high}`
}

// Each type's index range is ordered, their union is not: take a page of each, merge, then read the events.
function eventsOfTypes(order: Prisma.Sql, [streamId, low, high, limit, , , types]: Places): Prisma.Sql {
  return Prisma.sql`
    (SELECT s.seq FROM unnest(${types}::text[]) AS t(type) CROSS JOIN LATERAL (
        SELECT x.seq FROM event x
         WHERE x.stream_id = ${streamId}::uuid AND x.type = t.type
           AND x.seq >= s.first AND x.seq > ${low} AND x.seq < ${high}
         ORDER BY x.seq ${order} LIMIT ${limit}) s
      ORDER BY s.seq ${order} LIMIT ${limit}) k
    CROSS JOIN LATERAL (SELECT * FROM event x WHERE x.stream_id = ${streamId}::uuid AND x.seq = k.seq LIMIT 1) e`
}
