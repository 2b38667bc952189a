import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { statement } from '../../db/statement.ts'
import { batchLookups, type Lookup } from '../../lib/batched-lookup.ts'
import { CHARACTER, eventOf, type Prefix, type SizedEvent, stateOf } from './range.ts'
import { dataUpTo, STREAM, timesOf } from './range-statement.ts'

/** Most events of a read, and bytes that it reads of payloads: each is at most its share of them. */
const MOST = { events: 128, bytes: 1_048_576 } as const

/** Reads of one caller in a statement, and statements at once. */
const BATCHES = { atOnce: 4, keys: 16 } as const

/** Longest text whose parts are kept as they are: they keep all of it in memory. In UTF-16 units. */
const SHARED_TEXT = 65_536

/** Events without a hole, and the state of their stream in the same snapshot. */
export interface SmallRead extends ReturnType<typeof stateOf> {
  readonly events: readonly SizedEvent[]
}

/**
 * Reads events at known positions, as most pages are: those that a caller requests at once, in one statement. A
 * statement takes PostgreSQL and the driver as long as some pages, and sizes need not be added up.
 */
export class SmallReads {
  readonly #lookups = new WeakMap<Queries, Map<Prefix, Lookup<SmallRead>>>()

  /**
   * The events between two positions, both excluded. Charge `bytesOf` first. @returns undefined if they are not small,
   * or not all there.
   */
  async read(db: Queries, streamId: string, low: number, high: number, prefix: Prefix): Promise<SmallRead | undefined> {
    return await this.#lookupOf(db, prefix)(`${streamId} ${low} ${high}`)
  }

  #lookupOf(db: Queries, prefix: Prefix): Lookup<SmallRead> {
    const ofCaller = this.#lookups.get(db) ?? new Map<Prefix, Lookup<SmallRead>>()
    this.#lookups.set(db, ofCaller)
    const known = ofCaller.get(prefix)
    if (known) return known
    // Previews can have a million lengths.
    if (ofCaller.size > 100) ofCaller.clear()
    const made = batchLookups<SmallRead>((keys) => readAll(db, keys, prefix), BATCHES)
    ofCaller.set(prefix, made)
    return made
  }
}

/** Whether a read of so many events may be small, but for their sizes. */
export function maybeSmall(count: number, prefix: Prefix): boolean {
  return count <= MOST.events && (prefix ?? 0) * CHARACTER <= shareOf(count)
}

/** Most bytes that a small read reads of payloads. */
export const SMALL_BYTES = MOST.bytes

function shareOf(count: number): number {
  return Math.floor(MOST.bytes / count)
}

interface Row {
  n: number
  stream: string
  events: string | null
}

type Values = readonly [ids: string[], lows: number[], highs: number[], shares: number[], length: number]

async function readAll(db: Queries, keys: readonly string[], prefix: Prefix): Promise<Map<string, SmallRead>> {
  const asked = keys.map((key) => {
    const [streamId = '', low, high] = key.split(' ')
    return { key, streamId, low: Number(low), high: Number(high), share: shareOf(Number(high) - Number(low) - 1) }
  })
  const make = STATEMENTS[prefix === undefined ? 'whole' : prefix === 0 ? 'nothing' : 'beginning']
  const rows = await db.$queryRaw<Row[]>(
    make(
      asked.map(({ streamId }) => streamId),
      asked.map(({ low }) => low),
      asked.map(({ high }) => high),
      asked.map(({ share }) => share),
      prefix ?? 0,
    ),
  )
  const found = new Map<string, SmallRead>()
  for (const row of rows) {
    const question = asked[row.n - 1]
    const read = question && readOf(row, question, prefix)
    if (read) found.set(question.key, read)
  }
  return found
}

function readOf(
  { stream, events: text }: Row,
  { streamId, low, high, share }: { streamId: string; low: number; high: number; share: number },
  prefix: Prefix,
): SmallRead | undefined {
  const state = stateOf(stream)
  const events: SizedEvent[] = []
  const isShared = text !== null && text.length <= SHARED_TEXT
  for (const part of text?.split(SEPARATORS.event) ?? []) {
    const [seq, size, at, redacted, id = '', type = '', data = ''] = part.split(SEPARATORS.value)
    const bytes = prefix === undefined ? Number(size) : Buffer.byteLength(data)
    if (bytes > share || Number(seq) !== low + 1 + events.length) return undefined
    const texts = isShared ? { id, type, data } : { id: copied(id), type: copied(type), data: copied(data) }
    events.push(eventOf(streamId, state.epoch, { seq, size, at, redacted, ...texts }, bytes))
  }
  return events.length === high - low - 1 ? { ...state, events } : undefined
}

function copied(text: string): string {
  return Buffer.from(text).toString()
}

/** Control characters, which neither JSON nor another column has. */
const SEPARATORS = { event: '\x1e', value: '\x1f' } as const

const LITERALS = { event: Prisma.raw("E'\\x1e'"), value: Prisma.raw("E'\\x1f'") } as const

const IF_SMALL = Prisma.sql`CASE WHEN octet_length(e.data) <= q.share THEN e.data ELSE '' END`

const STATEMENTS = {
  whole: statementFor(undefined),
  nothing: statementFor(0),
  beginning: statementFor(1),
}

function statementFor(prefix: Prefix): (...values: Values) => Prisma.Sql {
  return statement<Values>(5, (ids, lows, highs, shares, length) => {
    const data = prefix === undefined ? IF_SMALL : dataUpTo(prefix, length)
    return Prisma.sql`
      SELECT q.n::int AS n, ${STREAM} AS stream, p.events
        FROM unnest(${ids}::uuid[], ${lows}::bigint[], ${highs}::bigint[], ${shares}::int[])
             WITH ORDINALITY AS q (id, low, high, share, n)
        CROSS JOIN LATERAL (SELECT *, tableoid FROM stream WHERE id = q.id LIMIT 1) s
        LEFT JOIN epoch h ON h.number = s.epoch_number
        CROSS JOIN LATERAL (
          SELECT string_agg(concat_ws(${LITERALS.value}, e.seq, octet_length(e.data), ${timesOf(Prisma.raw('e'))},
                                      e.id, e.type, ${data}), ${LITERALS.event}) AS events
            FROM (SELECT * FROM event e
                   WHERE e.stream_id = q.id AND e.seq >= s.first AND e.seq > q.low AND e.seq < q.high
                   ORDER BY e.seq LIMIT ${Prisma.raw(String(MOST.events))}) e) p`
  })
}
