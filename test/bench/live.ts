import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { processFigures } from '../support/rig/figures.ts'
import type { Extent } from './bench.ts'
import { newEvents } from './events.ts'
import { choose, type Peer, type Request, type Rows, type Running, start, TIDEMARK } from './peers.ts'
import type { Series } from './report.ts'

/** Events per request, and the interval between requests in milliseconds. */
const BATCH = { size: 10, intervalMs: 100 } as const

interface LivePeer extends Peer {
  subscribe: Request
}

const SUBSCRIBE = { query: 'subscription { workerEvents { seq id eventType createdAt eventData } }', variables: {} }

const OTHERS = { ws: 'raw ws broadcast', mercurius: 'Mercurius', 'graphql-ws': 'graphql-ws' } as const

function peersOf({ dataset }: Rows): LivePeer[] {
  const others = Object.entries(OTHERS).map(
    ([file, name]): LivePeer => ({
      name,
      command: [process.execPath, `test/bench/peers/live-${file}.js`],
      record: (_, events) => ({
        query: 'mutation ($events: [WorkerEventInput!]!) { recordWorkerEvents(events: $events) }',
        variables: { events },
      }),
      subscribe: SUBSCRIBE,
    }),
  )
  const query =
    'subscription ($id: UUID!) { workerEvents(datasetId: $id) { node { seq id eventType createdAt eventData } } }'
  return [...others, { ...TIDEMARK, subscribe: { query, variables: { id: dataset } } }]
}

/**
 * Compares the delivery of live events: a hundred per second go to all subscribers over WebSockets. Measured are
 * messages per second of CPU of the server. Only Tidemark stores the events, and can resume.
 */
export async function compareLive(extent: Extent, rows: Rows): Promise<Series[]> {
  const results: Series[] = []
  for (let round = 0; round < extent.rounds; round++) {
    for (const peer of choose(peersOf(rows), extent.only)) {
      await using server = await start(peer, rows, extent.cores.server)
      const { rate, problem } = await deliver(peer, server, extent, rows)
      if (problem) throw new Error(`${peer.name}: ${problem}`)
      const known = results.find(({ name }) => name === peer.name)
      if (known) known.values.push(rate)
      else results.push(seriesOf(peer.name, rate, extent))
    }
  }
  return results
}

function seriesOf(name: string, rate: number, { subscribers }: Extent): Series {
  return {
    section: 'live',
    scenario: `Events to ${subscribers.toLocaleString('en')} subscribers over WebSockets`,
    unit: 'messages/CPU s',
    name,
    values: [rate],
    goals: [
      { of: OTHERS.ws, ratio: 0.8 },
      { of: OTHERS['graphql-ws'], ratio: 3 },
    ],
  }
}

async function deliver(
  peer: LivePeer,
  { url, pid }: Running,
  { subscribers, seconds, cores }: Extent,
  rows: Rows,
): Promise<{ rate: number; problem?: string }> {
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
  const [file = '', ...args] = cores.load === undefined ? command : ['taskset', '-c', String(cores.load), ...command]
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
