// Measures how many subscribers one process serves, and the cost of each:
// npx tsx test/bench/fan-out.ts [SUBSCRIBERS] [SECONDS] [BYTES]
// Appends 100 events per second, with about BYTES of payload each, to one stream while all subscribers follow it over
// WebSocket, and counts deliveries. Memory is measured after a garbage collection, triggered through the inspector.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import WebSocket from 'ws'
import { graphql, metric } from '../support/server.ts'

const SUBSCRIBERS = Number(process.argv[2] ?? 1_000)
const SECONDS = Number(process.argv[3] ?? 10)
const BYTES = Number(process.argv[4] ?? 50)
const RATE = 100
const KEY = 'bench-root-api-key'

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
const server = spawn(process.execPath, ['--inspect=0', 'dist/main.js', 'serve'], {
  env: {
    PATH: process.env.PATH,
    PORT: '0',
    ROOT_API_KEY: KEY,
    DATA_DIR: scratch,
    LOG_LEVEL: 'warn',
    MAX_SOCKETS_PER_KEY: '1000000',
    REQUESTS_PER_MINUTE: '1000000',
  },
  stdio: ['ignore', 'pipe', 'pipe'],
})
try {
  const inspector = await lineOf(server.stderr, /(ws:\S+)$/)
  const url = await lineOf(server.stdout, /ready: (http:\S+)\/graphql/)
  const dataset = await newDataset(url)
  // Excludes one-time costs of the first connection.
  for (const socket of await Promise.all(Array.from({ length: 50 }, () => follow(url, dataset, () => undefined))))
    socket.close()
  await untilUnfollowed(url)
  const before = await footprint(url, inspector)
  let received = 0
  let wrong = 0
  const sockets = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, () => follow(url, dataset, (ok) => (ok ? received++ : wrong++))),
  )
  while ((await metric(url, 'tidemark_followers')) < SUBSCRIBERS);
  const after = await footprint(url, inspector)
  const cpu = await cpuSeconds()
  const start = performance.now()
  const record =
    'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $id, events: $events) { ' +
    'results { seq } } }'
  const events = Array.from({ length: RATE / 10 }, () => ({
    eventType: 'CHUNKS_UPLOADED',
    eventData: { chunk_ids: Array.from({ length: Math.ceil(BYTES / 40) }, () => 'x'.repeat(37)) },
  }))
  const appends: Promise<unknown>[] = []
  for (let i = 1; i <= SECONDS * 10; i++) {
    // Not awaited: they arrive at this rate, regardless of the load of the server.
    appends.push(graphql(url, record, { id: dataset, events }, KEY))
    await setTimeout(Math.max(0, start + i * 100 - performance.now()))
  }
  const offered = (performance.now() - start) / 1_000
  await Promise.all(appends)
  const appended = performance.now()
  const expected = RATE * SECONDS * SUBSCRIBERS
  while (received + wrong < expected && performance.now() - start < 120_000) await setTimeout(10)
  const seconds = (performance.now() - start) / 1_000
  const busy = (await cpuSeconds()) - cpu
  console.log(
    `${SUBSCRIBERS} subscribers, ${RATE * SECONDS} events sent in ${offered.toFixed(1)} s, acknowledged in ` +
      `${((appended - start) / 1_000).toFixed(1)} s`,
  )
  console.log(
    `received ${received} of ${expected} messages in order, ${wrong} out of order, in ${seconds.toFixed(1)} s`,
  )
  console.log(`${Math.round(received / busy)} messages per CPU second of the server`)
  for (const socket of sockets) socket.close()
  await untilUnfollowed(url)
  const end = await footprint(url, inspector)
  console.table({ 'before anybody': before, [`${SUBSCRIBERS} subscribed`]: after, 'after they left': end })
  console.log(`${(((after.heapMiB - before.heapMiB) * 1_024) / SUBSCRIBERS).toFixed(1)} KiB of heap a subscriber`)
} finally {
  server.kill('SIGTERM')
  await rm(scratch, { recursive: true, force: true })
}

async function lineOf(stream: Readable, pattern: RegExp): Promise<string> {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line)?.[1]
    if (found) {
      stream.resume()
      return found
    }
  }
  throw new Error('The server ended. Run "npm run build" first.')
}

async function newDataset(url: string): Promise<string> {
  const organization = await graphql(url, 'mutation { createOrganization(input: { name: "Bench" }) { id } }', {}, KEY)
  const input = { organizationId: organization.data.createOrganization.id }
  const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
  return (await graphql(url, create, { input }, KEY)).data.createDataset.id
}

/** Follows the stream on its own socket. @param tell called per event with whether it was the next one. */
function follow(url: string, dataset: string, tell: (next: boolean) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const query = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { cursor node {
    seq eventType eventData createdAt } } }`
  let last = 0
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (code, reason) => code !== 1005 && console.error(`A socket was closed: ${code} ${reason}`))
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${KEY}` } })),
    )
    socket.on('message', (data) => {
      const message = String(data)
      if (message.includes('"connection_ack"')) {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
        resolve(socket)
        return
      }
      if (message.includes('"error"')) console.error(message)
      if (!message.includes('"next"')) return
      // Parsing a million messages would measure this process, not the server.
      const seq = Number(/"seq":(\d+)/.exec(message)?.[1])
      tell(seq === last + 1)
      last = seq
    })
  })
}

async function untilUnfollowed(url: string): Promise<void> {
  while ((await metric(url, 'tidemark_followers')) + (await metric(url, 'tidemark_followed_streams')) > 0);
}

/** Memory of the server after garbage collection, and what is still running in it. */
async function footprint(url: string, inspector: string) {
  const socket = new WebSocket(inspector)
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
  await once(socket, 'message')
  socket.close()
  await once(socket, 'close')
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0)
  const MiB = (name: string) => Number((value(name) / 2 ** 20).toFixed(1))
  return {
    followers: value('tidemark_followers'),
    streams: value('tidemark_followed_streams'),
    timers: value('nodejs_active_resources\\{type="Timeout"\\}'),
    sockets: value('nodejs_active_resources\\{type="TCPSocketWrap"\\}'),
    heapMiB: MiB('nodejs_heap_size_used_bytes'),
    externalMiB: MiB('nodejs_external_memory_bytes'),
    residentMiB: MiB('process_resident_memory_bytes'),
  }
}

async function cpuSeconds(): Promise<number> {
  const [, fields] = (await readFile(`/proc/${server.pid}/stat`, 'utf8')).split(') ')
  const [user, system] = (fields ?? '').split(' ').slice(11, 13).map(Number)
  return ((user ?? 0) + (system ?? 0)) / 100
}
