/**
 * Compares the delivery of live events with other servers: `npm run build`, then
 * `npx tsx test/bench/live.ts [--subscribers N] [--seconds S] [--rounds R] [--only NAME…] [--json FILE] [--svg FILE]
 * [--quick]`. A hundred events per second go to all subscribers over WebSockets; measured are messages per second of
 * CPU of the server, which has one core. Only Tidemark stores the events, and can resume.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { processFigures } from '../support/rig/figures.ts'
import { installPeers } from './install-peers.ts'
import { choose, type Peer, type Request, type Running, start, TIDEMARK } from './peers.ts'
import { plot, print, type Series } from './report.ts'
import { makeRows, newEvents } from './rows.ts'

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
})
const subscribers = values.quick ? 20 : Number(values.subscribers)
const seconds = values.quick ? 1 : Number(values.seconds)
const rounds = values.quick ? 1 : Number(values.rounds)
const CORES = availableParallelism() > 1 ? { server: 0, load: 1 } : {}
/** Events per request, and the interval between requests in milliseconds. */
const BATCH = { size: 10, intervalMs: 100 } as const

interface LivePeer extends Peer {
  subscribe: Request
}

await installPeers()
await using rows = await makeRows(1)
const SUBSCRIBE = { query: 'subscription { workerEvents { seq id eventType createdAt eventData } }', variables: {} }
const others = ['ws', 'mercurius', 'graphql-ws'].map(
  (name): LivePeer => ({
    name: { ws: 'raw ws broadcast', mercurius: 'Mercurius', 'graphql-ws': 'graphql-ws' }[name] as string,
    command: [process.execPath, `test/bench/peers/live-${name}.js`],
    record: (_, events) => ({
      query: 'mutation ($events: [WorkerEventInput!]!) { recordWorkerEvents(events: $events) }',
      variables: { events },
    }),
    subscribe: SUBSCRIBE,
  }),
)
const PEERS: LivePeer[] = [
  ...others,
  {
    ...TIDEMARK,
    subscribe: {
      query:
        'subscription ($id: UUID!) { workerEvents(datasetId: $id) { node { seq id eventType createdAt eventData } } }',
      variables: { id: rows.dataset },
    },
  },
]
const results: Series[] = []
for (let round = 0; round < rounds; round++) for (const peer of choose(PEERS, values.only)) await turn(peer)
print(results)
if (values.json) await writeFile(values.json, JSON.stringify({ subscribers, seconds, rounds, results }, null, 2))
if (values.svg) await plot(results, values.svg)

async function turn(peer: LivePeer): Promise<void> {
  await using server = await start(peer, rows, CORES.server)
  const { rate, problem } = await deliver(peer, server)
  if (problem) throw new Error(`${peer.name}: ${problem}`)
  const scenario = `Messages to ${subscribers} subscribers over WebSockets, per second of CPU`
  const known = results.find(({ name }) => name === peer.name)
  if (known) known.rates.push(rate)
  else results.push({ scenario, name: peer.name, rates: [rate] })
}

async function deliver(peer: LivePeer, { url, pid }: Running): Promise<{ rate: number; problem?: string }> {
  const authorization = `Bearer ${rows.keys.write}`
  const body = () => JSON.stringify(peer.record?.(rows, newEvents(BATCH.size)))
  const job = {
    url,
    headers: peer.headers && { authorization },
    payload: peer.headers && { authorization },
    subscribe: peer.subscribe,
    subscribers,
    probes: Array.from({ length: 20 }, body),
    batches: Array.from({ length: Math.ceil((seconds * 1_000) / BATCH.intervalMs) }, body),
    ...BATCH,
  }
  const command = [process.execPath, 'test/bench/peers/follow.js']
  const [file = '', ...args] = CORES.load === undefined ? command : ['taskset', '-c', String(CORES.load), ...command]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.stdin.write(`${JSON.stringify(job)}\n`)
  await lines.next()
  const before = await processFigures(pid)
  child.stdin.write('go\n')
  const { value } = await lines.next()
  const after = await processFigures(pid)
  await once(child, 'exit')
  const { received, expected, disordered } = JSON.parse(value)
  const problem =
    received === expected && disordered === 0
      ? undefined
      : `${received} of ${expected} messages, ${disordered} out of order.`
  return { rate: received / ((after?.cpu ?? Number.NaN) - (before?.cpu ?? Number.NaN)), problem }
}
