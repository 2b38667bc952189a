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
    help: 'Open subscriptions of this process.',
    registers,
    collect() {
      this.set(log.following.followers)
    },
  })
  new Gauge({
    name: 'tidemark_follower_lag_events',
    help:
      'Largest number of events that an open subscription has yet to process. Briefly high when a subscription ' +
      'starts far back; persistently high with a slow client or a slow database.',
    registers,
    collect() {
      this.set(log.following.lag)
    },
  })
  new Gauge({
    name: 'tidemark_followed_streams',
    help: 'Streams with open subscriptions in this process. Each is read once for all of them.',
    registers,
    collect() {
      this.set(log.following.streams)
    },
  })
  new Gauge({
    name: 'tidemark_cohorts',
    help: 'Groups of subscriptions that share results, each computed once per group.',
    registers,
    collect() {
      this.set(cohorts.count)
    },
  })
  new Gauge({
    name: 'tidemark_largest_cohort_members',
    help: 'Subscriptions in the largest group of subscriptions that share results.',
    registers,
    collect() {
      this.set(cohorts.largest)
    },
  })
  new Counter({
    name: 'tidemark_deliveries_total',
    help: 'Events delivered to subscribers, counted once per subscriber.',
    registers,
    collect() {
      this.reset()
      this.inc(cohorts.counts.delivered)
    },
  })
  new Counter({
    name: 'tidemark_subscriptions_ended_total',
    help: 'Ended subscriptions, by outcome: ok if completed or cancelled by the client, else the error code.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset()
      for (const [outcome, ended] of Object.entries(cohorts.counts.ended)) this.inc({ outcome }, ended)
    },
  })
  new Gauge({
    name: 'tidemark_sockets',
    help: 'Open WebSockets.',
    registers,
    collect() {
      this.set(sockets.count)
    },
  })
  new Counter({
    name: 'tidemark_sockets_closed_total',
    help: 'Closed WebSockets, by close code: one of this server, 1000 or 1005 of a client that leaves, or other.',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset()
      for (const [code, closed] of sockets.closed) this.inc({ code }, closed)
    },
  })
  new Gauge({
    name: 'tidemark_wakeup_bus_connected',
    help:
      '1 while servers notify each other of new events through the source; 0 while events of other servers are found ' +
      'by polling only. The source is in-process if no other server can use the database.',
    labelNames: ['source'],
    registers,
    collect() {
      this.set({ source: bus.source }, Number(bus.connected))
    },
  })
  new Counter({
    name: 'tidemark_tail_reads_total',
    help:
      'Reads that found new events of a followed stream, by trigger: an append in this process (in-process), a ' +
      'notification of another server (postgres, redis), or polling (poll), which finds events of lost ' +
      'notifications. A rising share of poll means late delivery.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset()
      for (const [source, reads] of Object.entries(log.tailReads)) this.inc({ source }, reads)
    },
  })
}
