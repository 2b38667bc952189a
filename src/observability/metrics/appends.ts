import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { AppendObserver } from '../../log/append/append-queue.ts'
import type { EventLog } from '../../log/event-log.ts'
import { DURATION_BUCKETS } from './buckets.ts'

const EVENTS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000]

/** Counts and times appends; a transaction holds about 1,000 events at most. */
export function createAppendMetrics(registry: Registry): AppendObserver {
  const registers = [registry]
  const events = new Counter({
    name: 'tidemark_events_total',
    help: 'Events submitted for recording, by outcome: recorded, duplicate, conflict, or failed (not appended).',
    labelNames: ['outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidemark_append_seconds',
    help: 'Duration of append transactions in seconds, including retries.',
    buckets: DURATION_BUCKETS,
    registers,
  })
  const size = new Histogram({
    name: 'tidemark_append_events',
    help: 'Events per append transaction. Concurrent appends share a transaction.',
    buckets: EVENTS,
    registers,
  })
  return {
    finished: (outcome, count) => events.inc({ outcome: outcome.toLowerCase() }, count),
    committed(group) {
      seconds.observe(group.seconds)
      size.observe(group.events)
    },
  }
}

export function registerAppendQueue(registry: Registry, log: Pick<EventLog, 'appending'>): void {
  new Gauge({
    name: 'tidemark_append_queue_events',
    help: 'Events waiting to be appended or being appended. Above 20,000, new ones are rejected.',
    registers: [registry],
    collect() {
      this.set(log.appending)
    },
  })
}

/** Counts events removed by retention. @returns a function that takes the number removed. */
export function countRemoved(registry: Registry): (events: number) => void {
  const removed = new Counter({
    name: 'tidemark_events_removed_total',
    help: 'Events that this server removed under a retention policy.',
    registers: [registry],
  })
  return (events) => removed.inc(events)
}
