import { deepStrictEqual } from 'node:assert'
import { setInterval } from 'node:timers/promises'
import { startNode } from '../support/rig/node.ts'
import { record } from '../support/rig/tenant.ts'
import type { Extent } from './bench.ts'
import { newEvents } from './events.ts'
import { load, type Measured } from './load.ts'
import { choose, type PagePeer, PEERS, type Row, type Rows, type Running, start } from './peers.ts'
import { median, type Series } from './report.ts'
import { type HttpRequest, SCENARIOS, type Scenario } from './scenarios.ts'

/** Compares servers that answer requests over HTTP. */
export async function compareRequests(extent: Extent, rows: Rows): Promise<Series[]> {
  const peers = choose(PEERS, extent.only)
  await requireEqual(peers, rows)
  const measured = new Map<string, Measured[]>()
  for (let round = 0; round < extent.rounds; round++)
    for (const peer of peers) await turn(peer, extent, rows, (key, each) => put(measured, key, each))
  return SCENARIOS.flatMap((scenario) =>
    peers.flatMap(({ name }) => {
      const each = measured.get(keyOf(scenario, name))
      return each ? [seriesOf(scenario, name, each)] : []
    }),
  )
}

const keyOf = ({ name }: Scenario, peer: string) => `${name}\n${peer}`

function put(measured: Map<string, Measured[]>, key: string, each: Measured): void {
  measured.set(key, [...(measured.get(key) ?? []), each])
}

function seriesOf({ name: scenario, goals }: Scenario, name: string, measured: readonly Measured[]): Series {
  return {
    section: 'requests',
    scenario,
    unit: 'requests/s',
    name,
    values: measured.map(({ perSecond }) => perSecond),
    p50: median(measured.map(({ p50 }) => p50)),
    p99: median(measured.map(({ p99 }) => p99)),
    goals,
  }
}

/** Every server returns the same rows for the same pages, and the same documents for the other routes. */
async function requireEqual(peers: readonly PagePeer[], rows: Rows): Promise<void> {
  const { count } = rows
  const places = [0, 1, count - 1, ...Array.from({ length: 20 }, () => Math.floor(Math.random() * count))]
  const expected = new Map<string, unknown>()
  const compare = (peer: PagePeer, what: string, found: unknown) => {
    if (!expected.has(what)) expected.set(what, found)
    deepStrictEqual(found, expected.get(what), `${peer.name} returns something else for ${what}.`)
  }
  for (const peer of peers) {
    await using server = await start(peer, rows, undefined)
    const sample = peer.sample && (await server.ask(peer.sample(rows)))
    const ask = async (request: Parameters<Running['ask']>[0]): Promise<Row[]> => peer.rows(await server.ask(request))
    for (const after of places) compare(peer, `20 events after ${after}`, await ask(peer.page(rows, after, 20, sample)))
    compare(peer, 'the newest 20', await ask(peer.newest(rows, 20)))
    for (const page of [1, 2, Math.ceil(count / 10)])
      if (peer.trieve) compare(peer, `page ${page} of Trieve`, await askRoute(server, peer.trieve(rows, page)))
    if (peer.llamacloud) compare(peer, 'the report of LlamaCloud', await askRoute(server, peer.llamacloud(rows)))
  }
  console.log(`${peers.length} servers return the same for ${expected.size} requests.`)
}

async function askRoute({ url }: Running, { path, ...request }: HttpRequest): Promise<unknown> {
  const response = await fetch(new URL(path, url), request)
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

/** Measures all scenarios of one server, each after a shorter warm-up. */
async function turn(
  peer: PagePeer,
  { cores, seconds }: Extent,
  rows: Rows,
  keep: (key: string, measured: Measured) => void,
): Promise<void> {
  await using server = await start(peer, rows, cores.server)
  const sample = peer.sample && (await server.ask(peer.sample(rows)))
  for (const scenario of SCENARIOS) {
    const make = () => scenario.request(peer, rows, sample)
    const headers = await condition(server, scenario, make())
    if (!headers) continue
    await using _appends = scenario.growing && (await appendSteadily(rows, cores.load))
    const run = (time: number) => {
      const list = () => Array.from({ length: Math.ceil(scenario.requests * time) }, make) as HttpRequest[]
      const requests = Array.from({ length: scenario.connections }, list)
      return load(
        { url: server.url, headers, seconds: time, status: 'if-none-match' in headers ? 304 : 200, requests },
        cores.load,
      )
    }
    await run(Math.max(1, seconds / 2))
    const measured = await run(seconds)
    if (Object.keys(measured.failures).length > 0)
      throw new Error(`${peer.name}, ${scenario.name}: ${JSON.stringify(measured.failures)}\n${server.log()}`)
    keep(keyOf(scenario, peer.name), measured)
  }
}

/** The headers of all requests; undefined for a server that does not take part. One without entity tags sends all. */
async function condition(
  { url }: Running,
  { unchanged }: Scenario,
  request: HttpRequest | undefined,
): Promise<Record<string, string> | undefined> {
  if (!request) return undefined
  if (!unchanged) return {}
  const { path, ...init } = request
  const response = await fetch(new URL(path, url), init)
  await response.arrayBuffer()
  const etag = response.headers.get('etag')
  return etag === null ? {} : { 'if-none-match': etag }
}

/** Appends 100 events per second through another server, until it is disposed of. */
async function appendSteadily(rows: Rows, core: number | undefined): Promise<AsyncDisposable> {
  const node = await startNode('.', { DATABASE_URL: rows.DATABASE_URL, REQUESTS_PER_MINUTE: '1000000000' }, { core })
  const ending = new AbortController()
  const { signal } = ending
  const appending = (async () => {
    for await (const _ of setInterval(100, undefined, { signal }))
      await record(node, rows.keys.write, { dataset: rows.dataset }, [newEvents(10)])
  })().catch((error) => {
    if (!signal.aborted) throw error
  })
  return {
    async [Symbol.asyncDispose]() {
      ending.abort()
      await appending
      await node.stop()
    },
  }
}
