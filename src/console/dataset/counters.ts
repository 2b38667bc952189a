import type { EventRow, EventType } from './event-row.ts'

/** Exact counts of a dataset as of a position, counted on with each event that arrives. */
export interface Counters {
  readonly head: number
  readonly first: number
  readonly lastEventAt: string | null
  readonly types: ReadonlyMap<EventType, number>
}

interface Counted {
  head: number
  firstSeq: number
  lastEventAt: string | null
  eventTypes: readonly { type: EventType; count: number }[]
}

export function toCounters({ head, firstSeq, lastEventAt, eventTypes }: Counted): Counters {
  return { head, first: firstSeq, lastEventAt, types: new Map(eventTypes.map(({ type, count }) => [type, count])) }
}

export function countOn(counters: Counters, rows: readonly EventRow[]): Counters {
  const types = new Map(counters.types)
  let { head, lastEventAt } = counters
  for (const { seq, eventType, createdAt } of rows) {
    if (seq <= head) continue
    types.set(eventType, (types.get(eventType) ?? 0) + 1)
    head = seq
    lastEventAt = createdAt
  }
  return { ...counters, head, lastEventAt, types }
}

/** Number of events of these types; of all if there are none. */
export function countOf({ types }: Counters, wanted: readonly EventType[]): number {
  const entries = wanted.length === 0 ? [...types.values()] : wanted.map((type) => types.get(type) ?? 0)
  return entries.reduce((sum, count) => sum + count, 0)
}
