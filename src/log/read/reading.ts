import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { LoggedEvent } from '../event.ts'
import { type Direction, type Limit, type Range, type Read, readRange, type SizedEvent } from './range.ts'

/** Where what is read is counted before it is read. */
export interface Reading {
  /** How many bytes may still be read. */
  readonly left: number
  /** Counts bytes that are about to be read, once there is room for them. Throws when they may not be. */
  take(bytes: number): Promise<void>
  /** Takes back what was counted and has not been read, or is not kept. */
  untake(bytes: number): void
  /** Whether others have to go on first, with `turn`. */
  readonly mustWait: boolean
  turn(): Promise<void>
}

/** For readers that are bounded by themselves. */
export const UNCOUNTED: Reading = {
  left: Number.POSITIVE_INFINITY,
  take: async () => undefined,
  untake: () => undefined,
  mustWait: false,
  turn: async () => undefined,
}

/** What is counted at first, which is at least one event: most pages are smaller. What is longer is read in steps that grow. */
const STEP = { first: 1_048_576, growth: 4 } as const

/** Positions that are looked up at once. */
const POSITIONS = 1_000

/** Reads a range as `readRange` does; what it holds stays counted. It is never cut short by what may be read: that throws. */
export async function readCounted(
  db: PrismaClient,
  range: Range,
  direction: Direction,
  limit: Limit,
  reading: Reading,
): Promise<Read> {
  const events: SizedEvent[] = []
  let rest = range
  let used = 0
  for (let step: number = STEP.first; ; step *= STEP.growth) {
    const bytes = Math.min(step, limit.bytes - used, Math.max(reading.left, STEP.first))
    await reading.take(bytes)
    const read = await readRange(db, rest, direction, { events: limit.events - events.length, bytes })
    const size = read.events.reduce((sum, { bytes }) => sum + bytes, 0)
    reading.untake(bytes - size)
    used += size
    events.push(...read.events)
    const last = read.events.at(-1)?.seq
    if (!read.cut || used >= limit.bytes || bytes >= limit.bytes || last === undefined) return { ...read, events }
    rest = direction === 'ASC' ? { ...rest, low: last } : { ...rest, high: last }
  }
}

/** The events at these positions that are kept, in no particular order. */
export async function readAt(
  db: PrismaClient,
  streamId: string,
  positions: readonly number[],
  reading: Reading,
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = []
  for (let i = 0; i < positions.length; i += POSITIONS) {
    const only = positions.slice(i, i + POSITIONS)
    const range = { streamId, only, low: 0, high: Number.MAX_SAFE_INTEGER }
    const limit = { events: only.length, bytes: Number.MAX_SAFE_INTEGER }
    const read = await readCounted(db, range, 'ASC', limit, reading)
    events.push(...read.events)
  }
  return events
}
