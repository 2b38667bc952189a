import { Counter, Gauge, type Registry } from 'prom-client'
import type { EventLog } from '../../log/event-log.ts'
import type { Cohorts } from '../../subscriptions/cohort.ts'
import type { WakeupBus } from '../../wakeups/bus.ts'

interface Sockets {
  readonly count: number
  readonly closed: ReadonlyMap<number | 'other', number>
}

interface Live {
  log: Pick<EventLog, 'following' | 'tailReads'>
  cohorts: Cohorts
  bus: WakeupBus
  sockets: Sockets
}

/** Reports followers, cohorts, sockets and wakeups, all computed on scrape only. */
export function registerLiveMetrics(registry: Registry, { log, cohorts, bus, sockets }: Live): void {
  const registers = [registry]
  new Gauge({
    name: 'tidemark_followers',
    help: 'Subscriptions that follow a stream in this process now.',
    registers,
    collect() {
      this.set(log.following.followers)
    },
  })
  new Gauge({
    name: 'tidemark_follower_lag_events',
    help: 'How many events of its stream the follower who is furthest behind has yet to look at. High for a moment after one begins far back; high for long, a slow reader or a slow database.',
    registers,
    collect() {
      this.set(log.following.lag)
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
    name: 'tidemark_largest_cohort_members',
    help: 'Subscriptions in the largest of these groups.',
    registers,
    collect() {
      this.set(cohorts.largest)
    },
  })
  new Counter({
    name: 'tidemark_deliveries_total',
    help: 'Events that were given to subscribers, each counted for each.',
    registers,
    collect() {
      this.reset()
      this.inc(cohorts.counts.delivered)
    },
  })
  new Counter({
    name: 'tidemark_subscriptions_ended_total',
    help: 'Subscriptions that are over, by what ended them: ok when they completed or were left, else the code of the error.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset()
      for (const [outcome, ended] of Object.entries(cohorts.counts.ended)) this.inc({ outcome }, ended)
    },
  })
  new Gauge({
    name: 'tidemark_sockets',
    help: 'WebSockets that are open now.',
    registers,
    collect() {
      this.set(sockets.count)
    },
  })
  new Counter({
    name: 'tidemark_sockets_closed_total',
    help: 'WebSockets that have closed, by close code; other for one that a client made up.',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset()
      for (const [code, closed] of sockets.closed) this.inc({ code }, closed)
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
}
