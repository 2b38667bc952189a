import type { Queries } from '../../db/queries.ts'
import type { LoggedEvent } from '../event.ts'
import {
  CHARACTER,
  type Direction,
  type Limit,
  type Prefix,
  type Range,
  type Read,
  readRange,
  type SizedEvent,
} from './range.ts'

/** Budget that bytes are charged to before they are read. `mustWait`: yield to others first, with `turn`. */
export interface ReadBudget {
  readonly left: number
  /** Waits for room, then charges bytes to be read. Throws when they exceed the budget. */
  take(bytes: number): Promise<void>
  /** Refunds charged bytes that were not read, or are not kept. */
  untake(bytes: number): void
  readonly mustWait: boolean
  turn(): Promise<void>
}

export const NO_LIMIT: ReadBudget = {
  left: Number.POSITIVE_INFINITY,
  take: async () => undefined,
  untake: () => undefined,
  mustWait: false,
  turn: async () => undefined,
}

/** Bytes charged at first: at least one event, enough for most pages. Longer pages take growing steps. */
const STEP = { first: 1_048_576, growth: 4 } as const

const POSITIONS = 1_000

/** `readRange`, with the result charged. An exhausted budget throws instead of shortening the result. */
export async function readBudgeted(
  db: Queries,
  range: Range,
  direction: Direction,
  limit: Limit,
  budget: ReadBudget,
): Promise<Read> {
  const events: SizedEvent[] = []
  let rest = range
  let used = 0
  const most = limit.prefix === undefined ? limit.bytes : limit.events * limit.prefix * CHARACTER
  for (let step: number = STEP.first; ; step *= STEP.growth) {
    const bytes = Math.min(step, most, limit.bytes - used, Math.max(budget.left, STEP.first))
    await budget.take(bytes)
    const read = await readRange(db, rest, direction, {
      ...limit,
      events: limit.events - events.length,
      bytes,
    })
    const size = read.events.reduce((sum, { bytes }) => sum + bytes, 0)
    // A step reads at least one event, which may be too large for what is left of the limit.
    if (events.length > 0 && used + size > limit.bytes) {
      budget.untake(bytes)
      return { ...read, events, more: true, cut: true }
    }
    budget.untake(bytes - size)
    used += size
    events.push(...read.events)
    const last = read.events.at(-1)?.seq
    if (!read.cut || used >= limit.bytes || bytes >= limit.bytes || last === undefined) return { ...read, events }
    rest = direction === 'ASC' ? { ...rest, low: last } : { ...rest, high: last }
  }
}

export async function readAt(
  db: Queries,
  streamId: string,
  positions: readonly number[],
  prefix: Prefix,
  budget: ReadBudget,
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = []
  for (let i = 0; i < positions.length; i += POSITIONS) {
    const only = positions.slice(i, i + POSITIONS)
    const range = { streamId, only, low: 0, high: Number.MAX_SAFE_INTEGER }
    const limit = { events: only.length, bytes: Number.MAX_SAFE_INTEGER, prefix }
    const read = await readBudgeted(db, range, 'ASC', limit, budget)
    events.push(...read.events)
  }
  return events
}
