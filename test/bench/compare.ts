/**
 * Compares Tidemark with other servers on the same PostgreSQL and rows: `npm run build`, then
 * `npx tsx test/bench/compare.ts [--events N] [--seconds S] [--rounds R] [--only NAME…] [--json FILE] [--svg FILE]`, or
 * with `--quick`, which checks that everything runs and that all responses are equal, and whose times mean nothing.
 * Responses are compared before anything is timed. Servers take turns in each round, on one core; the load comes from
 * another one; PostgreSQL can use both.
 */

import { deepStrictEqual } from 'node:assert'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { installPeers } from './install-peers.ts'
import { load, type Measured } from './load.ts'
import { choose, type PagePeer, PEERS, type Request, type Row, type Rows, type Running, start } from './peers.ts'
import { median, plot, print, type Series } from './report.ts'
import { makeRows, newEvents } from './rows.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
})
const seconds = values.quick ? 1 : Number(values.seconds)
const rounds = values.quick ? 1 : Number(values.rounds)
const count = values.quick ? 5_000 : Number(values.events)
const CORES = availableParallelism() > 1 ? { server: 0, load: 1 } : {}
/** What is measured: a number of connections that send requests made by `request`. */
interface Scenario {
  name: string
  connections: number
  /** Requests per connection, which are repeated if all were sent; an event must not be recorded twice. */
  requests: number
  request: (peer: PagePeer, rows: Rows, sample: unknown) => Request
  peers: (peer: PagePeer) => boolean
  headers: (peer: PagePeer, rows: Rows) => Record<string, string> | undefined
}

const pages = (first: number): Scenario => ({
  name: `Pages of ${first} from anywhere, requests`,
  connections: 32,
  requests: 500,
  request: (peer, rows, sample) => peer.page(rows, Math.floor(Math.random() * (rows.count - first)), first, sample),
  peers: () => true,
  headers: (peer, rows) => peer.headers?.(rows),
})
const appends = (events: number, connections: number, requests: number): Scenario => ({
  name: `Appends of ${events} from ${connections} callers, requests`,
  connections,
  requests,
  request: (peer, rows) => peer.record?.(rows, newEvents(events)) as Request,
  peers: ({ record }) => record !== undefined,
  headers: (peer, { keys }) => peer.headers && { authorization: `Bearer ${keys.write}` },
})
const SCENARIOS = [pages(20), pages(100), appends(1, 64, 2_000), appends(1, 1, 30_000), appends(100, 4, 1_000)]

await installPeers()

await using rows = await makeRows(count)
const peers = choose(PEERS, values.only)
await requireEqual()
const series = new Map<string, Series & { measured: Measured[] }>()
for (let round = 0; round < rounds; round++) for (const peer of peers) await turn(peer)
const results = SCENARIOS.flatMap(({ name: scenario }) =>
  peers.flatMap(({ name }) => series.get(`${scenario}\n${name}`) ?? []),
)
print(results)
if (values.json) await writeFile(values.json, JSON.stringify({ count, seconds, rounds, results }, null, 2))
if (values.svg) await plot(results, values.svg)

/** Every server returns the same rows for the same pages. */
async function requireEqual(): Promise<void> {
  const places = [0, 1, count - 1, ...Array.from({ length: 20 }, () => Math.floor(Math.random() * count))]
  const expected = new Map<number, Row[]>()
  for (const peer of peers) {
    await using server = await start(peer, rows, undefined)
    const sample = await sampleOf(peer, server)
    for (const after of places) {
      const found = peer.rows(await server.ask(peer.page(rows, after, 20, sample)))
      if (!expected.has(after)) expected.set(after, found)
      deepStrictEqual(found, expected.get(after), `${peer.name} returns other events after ${after}.`)
    }
  }
  console.log(`${peers.length} servers return the same events for ${places.length} pages.`)
}

async function sampleOf(peer: PagePeer, server: Running): Promise<unknown> {
  return peer.sample && (await server.ask(peer.sample(rows)))
}

/** Measures all scenarios of one server, each after a shorter warm-up. */
async function turn(peer: PagePeer): Promise<void> {
  await using server = await start(peer, rows, CORES.server)
  const sample = await sampleOf(peer, server)
  for (const scenario of SCENARIOS) {
    if (!scenario.peers(peer)) continue
    const run = (time: number) =>
      load(
        {
          url: server.url,
          headers: scenario.headers(peer, rows),
          seconds: time,
          bodies: Array.from({ length: scenario.connections }, () =>
            Array.from({ length: scenario.requests }, () => JSON.stringify(scenario.request(peer, rows, sample))),
          ),
        },
        CORES.load,
      )
    await run(Math.max(1, seconds / 2))
    const measured = await run(seconds)
    if (measured.failed > 0) throw new Error(`${peer.name}: ${measured.failed} requests failed in "${scenario.name}".`)
    keep(scenario.name, peer.name, measured)
  }
}

function keep(scenario: string, name: string, measured: Measured): void {
  const key = `${scenario}\n${name}`
  const each = series.get(key) ?? { scenario, name, rates: [], measured: [] }
  each.measured.push(measured)
  each.rates = each.measured.map(({ perSecond }) => perSecond)
  each.p50 = median(each.measured.map(({ p50 }) => p50))
  each.p99 = median(each.measured.map(({ p99 }) => p99))
  series.set(key, each)
}
