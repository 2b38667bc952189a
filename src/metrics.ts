import { Hono } from 'hono'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Cohorts } from './live/cohort.ts'
import type { EventLog } from './log/event-log.ts'
import type { WakeupBus } from './wakeups/wakeup-bus.ts'

/** `/metrics`, in Prometheus' text format: the server's own, and those of the process and of Node.js under their usual names. */
export function createMetricsRoutes(log: EventLog, cohorts: Cohorts, bus: WakeupBus): Hono {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'tidemark_followers',
    help: 'Subscriptions that follow a stream in this process now.',
    registers,
    collect() {
      this.set(log.following.followers)
    },
  })
  new Gauge({
    name: 'tidemark_followed_streams',
    help: 'Streams that are followed in this process now; each is read once for all its followers.',
    registers,
    collect() {
      this.set(log.following.streams)
    },
  })
  new Gauge({
    name: 'tidemark_cohorts',
    help: 'Groups of subscriptions that get the same results, each of which is made once for the group.',
    registers,
    collect() {
      this.set(cohorts.count)
    },
  })
  new Gauge({
    name: 'tidemark_wakeup_bus_connected',
    help: "1 while servers tell each other of new events by way of the source; 0 while only the poll finds other servers' events. The source in-process is for a database that no other server uses.",
    labelNames: ['source'],
    registers,
    collect() {
      this.set({ source: bus.source }, Number(bus.connected))
    },
  })
  new Counter({
    name: 'tidemark_tail_reads_total',
    help: "Times that something new was read for a followed stream, by what made this process look: its own append (in-process), another server's (postgres, redis), or the poll, which also finds what the others lost. A rising share of poll means late delivery.",
    labelNames: ['source'],
    registers,
    collect() {
      this.reset()
      for (const [source, reads] of Object.entries(log.tailReads)) this.inc({ source }, reads)
    },
  })
  return new Hono().get('/metrics', async (c) => {
    c.header('content-type', registry.contentType)
    return c.body(await registry.metrics())
  })
}
