// A separate process, so that its parent is not measured: requests the health of a server, and a page of a tenant,
// about fifty times per second each on persistent connections, and records the memory of the server meanwhile.

import { Agent } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { percentile, processFigures, resetPeak } from './figures.ts'
import { sendRequest } from './send-request.ts'
import { Tally } from './tally.ts'

/** Its requests. */
export interface NeighbourOptions {
  url: string
  pid: number
  key: string
  dataset: string
}

/** Delays in milliseconds, and outcomes. */
export interface Held {
  p50: number
  p99: number
  max: number
  outcomes: Record<string, number>
}

/** Its measurements. */
export interface Watched {
  rss: { before: number; peak: number; after: number }
  cpu: number
  healthz: Held
  page: Held
}

const EVERY_MS = 20
const PATIENCE_MS = 300_000
/** A different address than the attackers, for limits that count by address. */
const FROM = '127.0.0.9'

const { url, pid, key, dataset }: NeighbourOptions = JSON.parse(process.argv[2] ?? '{}')
let stopped = false

/** Sends until it is stopped. A delayed request also counts for those that would have been sent meanwhile. */
async function hold(options: Parameters<typeof sendRequest>[1], begun: () => void): Promise<Held> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  const outcomes = new Tally()
  while (!stopped) {
    const { ms, outcome } = await sendRequest(url, { ...options, agent, from: FROM, patience: PATIENCE_MS })
    outcomes.add(outcome)
    for (let waited = ms; waited >= 0; waited -= EVERY_MS) times.push(waited)
    begun()
    await setTimeout(Math.max(outcome === 'ECONNREFUSED' ? 500 : 0, EVERY_MS - ms))
  }
  agent.destroy()
  times.sort((a, b) => a - b)
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? 0,
    outcomes: outcomes.counts(),
  }
}

const query = '{ workerEvents(datasetId: "DATASET", first: 5) { totalCount nodes { seq eventType } } }'
let pending = 2
const begun = () => {
  // Some rounds, for the server to have seen each.
  if (--pending === -20) process.send?.('ready')
}
const asking = Promise.all([
  hold({ path: '/healthz' }, begun),
  hold({ key, body: JSON.stringify({ query: query.replace('DATASET', dataset) }) }, begun),
])
await resetPeak(pid)
const first = await processFigures(pid)
let last = first
let peak = 0
const sampling = (async () => {
  while (!stopped) {
    const figures = await processFigures(pid)
    if (figures) last = figures
    peak = Math.max(peak, figures?.peak ?? 0)
    await setTimeout(50)
  }
})()
await new Promise<void>((resolve) => {
  process.on('message', () => resolve())
})
const end = await processFigures(pid)
stopped = true
const [healthz, page] = await asking
await sampling
const rss = { before: first?.rss ?? 0, peak: Math.max(peak, end?.peak ?? 0), after: end?.rss ?? 0 }
const cpu = Math.round(((end ?? last)?.cpu ?? 0) * 10 - (first?.cpu ?? 0) * 10) / 10
process.send?.({ rss, cpu, healthz, page } satisfies Watched)
process.disconnect()
