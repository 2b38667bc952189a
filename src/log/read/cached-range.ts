import type { Queries } from '../../db/queries.ts'
import { type ReadBudget, readBudgeted } from './budgeted-read.ts'
import { isDamage } from './damage.ts'
import type { CacheKey } from './event-cache.ts'
import type { Direction, Limit, Prefix, Range, Read, SizedEvent } from './range.ts'
import { maybeSmall, SMALL_BYTES, type SmallReads } from './small-reads.ts'
import type { Reads, Stream } from './stream-index.ts'

/** `readBudgeted`, but for events that are cached as of the stream's version: no older than the call that found it. */
export async function readCached(
  reads: Reads,
  stream: Stream,
  range: Range,
  direction: Direction,
  limit: Limit,
  budget: ReadBudget,
): Promise<Read> {
  // Of some types, positions are not known before they are read.
  if (range.types) return await readBudgeted(reads.db, range, direction, limit, budget)
  const { events: most, bytes: mostBytes, prefix } = limit
  const source = { streamId: stream.id, version: stream.version, prefix }
  const [low, high] = positionsOf(range, stream, direction, most)
  const events = reads.cache.events.get(source, low, high)
  const first = events.indexOf(undefined)
  if (first >= 0) {
    const hole = { ...range, low: low + first - 1, high: low + events.lastIndexOf(undefined) + 1 }
    const read = await readHole(reads, source, hole, direction, limit, budget)
    if (!read) return await readWhole(reads, source, range, direction, limit, budget)
    for (const event of read) events[event.seq - low] = event
  }
  const inOrder = direction === 'ASC' ? events : events.reverse()
  // The byte limit has cut the read off.
  const end = inOrder.indexOf(undefined)
  const found = (end < 0 ? inOrder : inOrder.slice(0, end)) as SizedEvent[]
  const { kept, bytes } = upTo(found, mostBytes)
  await budget.take(bytes)
  const cut = end >= 0 || kept.length < found.length
  return { ...stream, exists: true, events: kept, more: cut || found.length === most, cut }
}

// Both included; none if the last one is below the first one.
function positionsOf({ low, high }: Range, { first, head }: Stream, direction: Direction, most: number) {
  const [lowest, highest] = [Math.max(low + 1, first), Math.min(high - 1, head)]
  return direction === 'ASC'
    ? ([lowest, Math.min(highest, lowest + most - 1)] as const)
    : ([Math.max(lowest, highest - most + 1), highest] as const)
}

// One statement for all requests of a caller that miss the same events, as they do after an append.
async function readHole(
  { db, cache }: Reads,
  source: CacheKey,
  hole: Range,
  direction: Direction,
  limit: Limit,
  budget: ReadBudget,
): Promise<readonly SizedEvent[] | undefined> {
  const count = hole.high - hole.low - 1
  let isMine = false
  const read = async () => {
    isMine = true
    const read =
      (await readSmall(db, cache.small, hole, direction, source.prefix, budget)) ??
      (await readBudgeted(db, hole, direction, { ...limit, events: count }, budget))
    // All that share it are charged for it, with what they have from the cache.
    budget.untake(read.events.reduce((sum, { bytes }) => sum + bytes, 0))
    return read
  }
  const key = `${source.streamId} ${source.version} ${source.prefix} ${hole.low} ${hole.high} ${direction}`
  try {
    const { events, version, first, cut } = await cache.reading.run(db, key, read)
    if (version !== source.version || first > hole.low + 1) return undefined
    if (isMine) cache.events.add(source, events)
    return events.length === count || cut ? events : undefined
  } catch (error) {
    if (isMine) throw error
    // The reason may be the budget of the other request.
    return undefined
  }
}

async function readSmall(
  db: Queries,
  small: SmallReads,
  { streamId, low, high }: Range,
  direction: Direction,
  prefix: Prefix,
  budget: ReadBudget,
): Promise<Read | undefined> {
  if (!maybeSmall(high - low - 1, prefix) || budget.left < SMALL_BYTES) return undefined
  await budget.take(SMALL_BYTES)
  const read = await small.read(db, streamId, low, high, prefix).catch((error) => {
    // Of the reads in the statement, only those fail that meet it.
    if (!isDamage(error)) throw error
    return undefined
  })
  const bytes = read?.events.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0
  budget.untake(SMALL_BYTES - bytes)
  if (!read) return undefined
  const events = direction === 'ASC' ? [...read.events] : read.events.toReversed()
  return { ...read, exists: true, events, more: false, cut: false }
}

async function readWhole(
  { db, cache }: Reads,
  source: CacheKey,
  range: Range,
  direction: Direction,
  limit: Limit,
  budget: ReadBudget,
): Promise<Read> {
  const read = await readBudgeted(db, range, direction, limit, budget)
  if (read.version === source.version) cache.events.add(source, read.events)
  return read
}

// At least one, as of a read from the database.
function upTo(events: readonly SizedEvent[], most: number): { kept: SizedEvent[]; bytes: number } {
  let [count, bytes] = [0, 0]
  for (const event of events) {
    if (count > 0 && bytes + event.bytes > most) break
    bytes += event.bytes
    count++
  }
  return { kept: events.slice(0, count), bytes }
}
