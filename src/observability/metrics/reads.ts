import { Counter, Gauge, type Registry } from 'prom-client'
import type { EventLog } from '../../log/event-log.ts'

export function registerReadMetrics(registry: Registry, { cachedEvents }: Pick<EventLog, 'cachedEvents'>): void {
  const registers = [registry]
  new Gauge({
    name: 'tidemark_cached_event_bytes',
    help: 'Memory of cached events of pages, at most 1/32 of the heap. It is released when requests need it.',
    registers,
    collect() {
      this.set(cachedEvents.bytes)
    },
  })
  new Counter({
    name: 'tidemark_page_events_total',
    help: 'Events that pages without a filter needed, by source: the memory of this server (cache) or the database.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset()
      this.inc({ source: 'cache' }, cachedEvents.asked.hits)
      this.inc({ source: 'database' }, cachedEvents.asked.misses)
    },
  })
}
