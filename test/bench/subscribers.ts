import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import WebSocket from 'ws'
import { query } from '../support/postgres.ts'
import { metric } from '../support/server.ts'
import { until } from '../support/until.ts'
import type { Extent } from './bench.ts'
import { newEvents } from './events.ts'
import { grown } from './growth.ts'
import { type Rows, type Running, start, TIDEMARK } from './peers.ts'
import type { Series } from './report.ts'

/** Events that each subscriber receives while it is timed. */
const EVENTS = 5

/** Callers that record events, or open subscriptions, at a time. */
const CALLERS = 64

const IDLE_SECONDS = 5

const INSPECTED = {
  ...TIDEMARK,
  command: [process.execPath, '--inspect=0', 'dist/main.js', 'serve'],
  env: { ...TIDEMARK.env, MAX_SOCKETS_PER_KEY: '1000000' },
}

const SUBSCRIBE = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { node { seq } } }'

/** Takes the messages of a subscription. */
type Take = (message: string) => void

type Open = (server: Running, rows: Rows, stream: string, take: Take) => Promise<{ close: () => void }>

const TRANSPORTS: Record<string, Open> = { WebSocket: overWebSocket, 'server-sent events': overEvents }

/** Many subscribers of one stream, and of as many streams: what they cost, and how soon each has an event. */
export async function measureSubscribers({ crowd, rounds, cores }: Extent): Promise<Series[]> {
  await using rows = await grown({ events: 1, streams: crowd })
  const others = 'SELECT id FROM dataset WHERE id <> $1'
  const streams = await query<{ id: string }>(rows.DATABASE_URL, others, [rows.dataset])
  const results: Series[] = []
  for (let round = 0; round < rounds; round++)
    for (const [transport, open] of Object.entries(TRANSPORTS))
      for (const ids of [[rows.dataset], [rows.dataset, ...streams.map(({ id }) => id)]]) {
        await using server = await start(INSPECTED, rows, cores.server)
        const name = `${transport}, ${ids.length.toLocaleString('en')} stream(s)`
        for (const [scenario, unit, value] of await crowded(server, rows, { ids, count: crowd, open })) {
          const known = results.find((each) => each.scenario === scenario && each.name === name)
          if (known) known.values.push(value)
          else results.push({ section: 'subscribers', scenario, unit, name, values: [value] })
        }
      }
  return results
}

type Figure = readonly [scenario: string, unit: string, value: number]

async function crowded(
  server: Running,
  rows: Rows,
  { ids, count, open }: { ids: readonly string[]; count: number; open: Open },
): Promise<Figure[]> {
  const heads = await headsOf(rows)
  const last = new Map<number, number>()
  let received = 0
  let awaited: { count: number; resolve: () => void } | undefined
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      awaited = { count, resolve }
      if (received >= count) resolve()
    })
  const problems: string[] = []
  const follow = (i: number) => {
    const id = ids[i % ids.length] as string
    return open(server, rows, id, (message) => {
      const seq = Number(/"seq":(\d+)/.exec(message)?.[1])
      const before = last.get(i) ?? 0
      if (seq !== before + 1 && problems.length < 5) problems.push(`${seq} after ${before}: ${message.slice(0, 200)}`)
      last.set(i, seq)
      if (++received === awaited?.count) awaited.resolve()
    })
  }
  // Excludes one-time costs of the first ones.
  const first = await inTurns(CALLERS, follow)
  for (const { close } of first) close()
  await until(async () => (await metric(origin(server), 'tidemark_followers')) === 0)
  last.clear()
  received = 0
  const before = await footprint(server)
  const opening = performance.now()
  const subscribers = await inTurns(count, follow)
  const recorded = ids.reduce((sum, id) => sum + (heads.get(id) ?? 0), 0) * (count / ids.length)
  await until(async () => received === recorded && (await metric(origin(server), 'tidemark_followers')) === count)
  const opened = (performance.now() - opening) / 1_000
  const after = await footprint(server)
  const idle = await statementsIn(rows, () => setTimeout(IDLE_SECONDS * 1_000))
  let [took, busy] = [0, await cpuSeconds(server)]
  for (let event = 1; event <= EVENTS; event++) {
    const began = performance.now()
    await inTurns(ids.length, (i) => recordOne(server, rows, ids[i] as string))
    await arrived(recorded + event * count)
    took += performance.now() - began
  }
  busy = (await cpuSeconds(server)) - busy
  // What comes twice may come late.
  await setTimeout(2_000)
  const alive = await metric(origin(server), 'tidemark_followers')
  if (problems.length > 0 || received !== recorded + EVENTS * count || alive !== count)
    throw new Error(`${received} of ${recorded + EVENTS * count} events, ${alive} followers: ${problems.join()}`)
  for (const { close } of subscribers) close()
  return [
    ['Heap per subscriber', 'KiB', (after.heap - before.heap) / count / 1_024],
    ['Memory per subscriber', 'KiB', (after.resident - before.resident) / count / 1_024],
    ['Until all have subscribed', 's', opened],
    ['Transactions while all wait', 'per second', idle / IDLE_SECONDS],
    ['One event to each', 'ms', took / EVENTS],
    ['One event to each, time of the server', 'CPU ms', (busy / EVENTS) * 1_000],
  ]
}

function origin({ url }: Running): string {
  return new URL(url).origin
}

/** The results of so many steps, some of them at a time. */
async function inTurns<Result>(count: number, step: (i: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const caller = async () => {
    for (let i = next++; i < count; i = next++) results[i] = await step(i)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return results
}

async function headsOf({ DATABASE_URL }: Rows): Promise<Map<string, number>> {
  const rows = await query<{ id: string; head: string }>(DATABASE_URL, 'SELECT id, head FROM stream')
  return new Map(rows.map(({ id, head }) => [id, Number(head)]))
}

async function recordOne(server: Running, rows: Rows, dataset: string): Promise<void> {
  const recording = TIDEMARK.record?.({ ...rows, dataset }, newEvents(1))
  if (recording) await server.ask(recording, rows.keys.write)
}

/** Transactions of the database meanwhile: a statement outside of one counts as one. */
async function statementsIn({ DATABASE_URL }: Rows, wait: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    const sql = 'SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()'
    return Number((await query<{ n: string }>(DATABASE_URL, sql))[0]?.n)
  }
  // Sessions report theirs once per second at most.
  await setTimeout(2_000)
  const before = await count()
  await wait()
  return (await count()) - before
}

/** Memory of the server after garbage collection, in bytes. */
async function footprint(server: Running): Promise<{ heap: number; resident: number }> {
  const [, inspector = ''] = /(ws:\S+)/.exec(server.log()) ?? []
  const socket = new WebSocket(inspector)
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
  await once(socket, 'message')
  socket.close()
  await once(socket, 'close')
  return {
    heap: await metric(origin(server), 'nodejs_heap_size_used_bytes'),
    resident: await metric(origin(server), 'process_resident_memory_bytes'),
  }
}

async function cpuSeconds({ pid }: Running): Promise<number> {
  const [, fields] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')
  const [user, system] = (fields ?? '').split(' ').slice(11, 13).map(Number)
  return ((user ?? 0) + (system ?? 0)) / 100
}

/** Resolves once the server has begun the subscription. */
function overWebSocket(server: Running, { keys }: Rows, id: string, take: Take): Promise<{ close: () => void }> {
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws')
  const send = (message: object) => socket.send(JSON.stringify(message))
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (code, reason) => reject(new Error(`The socket was closed: ${code} ${reason}`)))
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${keys.read}` } }))
    socket.on('message', (data) => {
      const message = String(data)
      if (message.startsWith('{"type":"connection_ack"'))
        send({ id: '1', type: 'subscribe', payload: { query: SUBSCRIBE, variables: { id } } })
      else if (message.startsWith('{"type":"ping","payload":{"id"')) resolve({ close: () => socket.terminate() })
      else if (!message.startsWith('{"type":"ping"')) take(message)
    })
  })
}

function overEvents({ url }: Running, { keys }: Rows, id: string, take: Take): Promise<{ close: () => void }> {
  const headers = {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    authorization: `Bearer ${keys.read}`,
  }
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(url, { method: 'POST', headers, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`The status is ${response.statusCode}.`))
      response.setEncoding('utf8').on('data', (text: string) => {
        for (const event of text.split('\n\n')) if (event.includes('event: ')) take(event)
      })
      response.on('error', () => undefined)
      resolve({ close: () => sent.destroy() })
    })
    sent.on('error', reject)
    sent.end(JSON.stringify({ query: SUBSCRIBE, variables: { id } }))
  })
}
