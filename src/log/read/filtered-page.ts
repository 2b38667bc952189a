import { LRUCache } from 'lru-cache'
import type { Queries } from '../../db/queries.ts'
import { type ReadBudget, readBudgeted } from './budgeted-read.ts'
import type { CacheKey, EventCache } from './event-cache.ts'
import type { Limit, Read, SizedEvent } from './range.ts'
import type { Reads, Stream } from './stream-index.ts'

/** Most positions that are kept, and what a page counts as beside its own: about 8 bytes each. */
const KEPT = { positions: 250_000, page: 40 } as const

/**
 * Where filtered pages are: their positions, newest first. The n-th event of some types, removed ones counted, is at
 * the same position as long as the stream has the same version.
 */
export type FilteredPages = LRUCache<string, readonly number[]>

export function createFilteredPages(): FilteredPages {
  return new LRUCache({ maxSize: KEPT.positions, sizeCalculation: ({ length }) => length + KEPT.page })
}

/**
 * The events of some types from the `newest`-th on, downwards: from memory, with one statement, or with two where no
 * page before it was read. @param newest counts removed events. @param isLast whether that is the last one.
 */
export async function readFiltered(
  reads: Reads,
  stream: Stream,
  { types, newest, isLast }: { types: readonly string[]; newest: number; isLast: boolean },
  limit: Limit,
  budget: ReadBudget,
): Promise<Read> {
  const { db, cache } = reads
  const { id: streamId, version, first, head } = stream
  const { prefix, events: most } = limit
  const source = { streamId, version, prefix }
  const keyOf = (ordinal: number, ...page: number[]) => [streamId, version, types, ordinal, ...page].join(' ')
  const known = cache.filtered.get(keyOf(newest, most))
  const cached = known && cachedAt(cache.events, source, known, first)
  if (cached) {
    await budget.take(cached.reduce((sum, { bytes }) => sum + bytes, 0))
    return { ...stream, exists: true, events: cached, more: cached.length === most, cut: false }
  }
  const [end] = cache.filtered.get(keyOf(newest)) ?? []
  const high = isLast ? head + 1 : (end ?? (await seek(db, streamId, types, newest)) + 1)
  const read = await readBudgeted(db, { streamId, types, low: 0, high }, 'DESC', limit, budget)
  if (read.version !== version || read.cut) return read
  cache.events.add(source, read.events)
  const positions = read.events.map(({ seq }) => seq)
  cache.filtered.set(keyOf(newest, most), positions)
  // Where the next page begins.
  const last = positions.at(-1)
  if (last !== undefined) cache.filtered.set(keyOf(newest - positions.length), [last])
  return read
}

function cachedAt(
  cache: EventCache,
  source: CacheKey,
  positions: readonly number[],
  first: number,
): SizedEvent[] | undefined {
  const events: SizedEvent[] = []
  for (const seq of positions) {
    if (seq < first) break
    const [event] = cache.get(source, seq, seq)
    if (!event) return undefined
    events.push(event)
  }
  return events
}

async function seek(db: Queries, streamId: string, types: readonly string[], ordinal: number): Promise<number> {
  const rows = await db.$queryRaw<
    { seq: bigint }[]
  >`SELECT event_seek(${streamId}::uuid, ${types}::text[], ${ordinal}) AS seq`
  return Number(rows[0]?.seq)
}
