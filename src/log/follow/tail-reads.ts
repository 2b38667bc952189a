import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { statement } from '../../db/statement.ts'
import { batchLookups } from '../../lib/batched-lookup.ts'
import { eventOf, type Read, readRange, type SizedEvent, stateOf } from '../read/range.ts'
import { STREAM, timesOf } from '../read/range-statement.ts'

/** Most of one read of a tail that is alone: events, and bytes of payload. */
const MOST = { events: 1_000, bytes: 4_194_304 } as const

/** Of each tail that shares a statement: events, and bytes of a payload. One with more is read alone. */
const SHARE = { events: 16, bytes: 4_096 } as const

/** Statements at once, and tails that share one. */
const BATCHES = { atOnce: 2, keys: 64 } as const

/** The events of a stream after a position, all or the first ones, and its state in the same snapshot. */
export type ReadTail = (streamId: string, low: number) => Promise<Read>

/** Tails that are to be read at a moment share a statement: many streams that grow a little are a few statements. */
export function createTailReads(db: Queries): ReadTail {
  const share = batchLookups<Read>((keys) => readShared(db, keys), BATCHES)
  return async (streamId, low) => {
    const range = { streamId, low, high: Number.MAX_SAFE_INTEGER }
    return (await share(`${streamId} ${low}`)) ?? (await readRange(db, range, 'ASC', MOST))
  }
}

interface Row {
  n: number
  stream: string
  event: string | null
  type: string
  data: string | null
}

async function readShared(db: Queries, keys: readonly string[]): Promise<Map<string, Read>> {
  const reads = new Map<string, Read>()
  if (keys.length === 1) return reads
  const asked = keys.map((key) => key.split(' ') as [id: string, low: string])
  const ids = asked.map(([id]) => id)
  const lows = asked.map(([, low]) => Number(low))
  const rows: Row[][] = keys.map(() => [])
  for (const row of await db.$queryRaw<Row[]>(SHARED(ids, lows))) rows[row.n - 1]?.push(row)
  for (const [i, [id, low]] of asked.entries()) {
    const read = readOf(id, Number(low), rows[i] ?? [])
    if (read) reads.set(keys[i] as string, read)
  }
  return reads
}

/** @returns undefined for what is read alone: no stream, long payloads, and a missing event, which fails then. */
function readOf(streamId: string, low: number, rows: readonly Row[]): Read | undefined {
  const [row] = rows
  if (!row) return undefined
  const state = stateOf(row.stream)
  const lowest = Math.max(low + 1, state.first)
  const events: SizedEvent[] = []
  for (const { event, type, data } of rows) {
    if (event === null) continue
    const [seq, size, at, redacted, id = ''] = event.split(' ')
    if (data === null || Number(seq) !== lowest + events.length) return undefined
    events.push(eventOf(streamId, state.epoch, { seq, size, at, redacted, id, type, data }, Number(size)))
  }
  const more = events.length === SHARE.events
  if (!more && events.length !== Math.max(0, state.head - lowest + 1)) return undefined
  return { ...state, exists: true, events, more, cut: false }
}

const SHARED = statement<readonly [ids: string[], lows: number[]]>(2, (ids, lows) => {
  const { events, bytes } = { events: Prisma.raw(String(SHARE.events)), bytes: Prisma.raw(String(SHARE.bytes)) }
  return Prisma.sql`
    SELECT q.n::int AS n, ${STREAM} AS stream,
           CASE WHEN e.seq IS NOT NULL
                THEN concat_ws(' ', e.seq, octet_length(e.data), ${timesOf(Prisma.raw('e'))}, e.id) END AS event,
           e.type, CASE WHEN octet_length(e.data) <= ${bytes} THEN e.data END AS data
      FROM unnest(${ids}::uuid[], ${lows}::bigint[]) WITH ORDINALITY AS q (id, low, n)
      CROSS JOIN LATERAL (SELECT *, tableoid FROM stream WHERE id = q.id LIMIT 1) s
      LEFT JOIN epoch h ON h.number = s.epoch_number
      LEFT JOIN LATERAL (
        SELECT * FROM event e
         WHERE e.stream_id = q.id AND e.seq >= s.first AND e.seq > q.low
           AND e.seq <= greatest(q.low, s.first - 1) + ${events}
         ORDER BY e.seq LIMIT ${events}) e ON true
     ORDER BY q.n, e.seq`
})
