// How many live readers one process serves: npx tsx test/bench/fan-out.ts [SUBSCRIBERS] [SECONDS]
// Appends 100 events a second to one stream while all subscribers follow it over WebSocket, and counts what arrives.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import WebSocket from 'ws'
import { graphql, metric } from '../support/server.ts'

const SUBSCRIBERS = Number(process.argv[2] ?? 1_000)
const SECONDS = Number(process.argv[3] ?? 10)
const RATE = 100
const KEY = 'bench'

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
const server = spawn(process.execPath, ['dist/main.js', 'serve'], {
  env: { PATH: process.env.PATH, PORT: '0', ROOT_API_KEY: KEY, DATA_DIR: scratch, LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const url = await address()
  const dataset = await newDataset(url)
  const before = await residentMiB()
  let received = 0
  let wrong = 0
  const sockets = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, () => follow(url, dataset, (ok) => (ok ? received++ : wrong++))),
  )
  while ((await metric(url, 'tidemark_followers')) < SUBSCRIBERS);
  const after = await residentMiB()
  const cpu = await cpuSeconds()
  const start = performance.now()
  const record =
    'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $id, events: $events) { results { seq } } }'
  const events = Array.from({ length: RATE / 10 }, () => ({
    eventType: 'CHUNKS_UPLOADED',
    eventData: { chunk_ids: ['x'.repeat(36)] },
  }))
  for (let i = 1; i <= SECONDS * 10; i++) {
    await graphql(url, record, { id: dataset, events }, KEY)
    await setTimeout(Math.max(0, start + i * 100 - performance.now()))
  }
  const appended = performance.now()
  const expected = RATE * SECONDS * SUBSCRIBERS
  while (received + wrong < expected && performance.now() - start < 120_000) await setTimeout(10)
  const seconds = (performance.now() - start) / 1_000
  const busy = (await cpuSeconds()) - cpu
  console.log(`${SUBSCRIBERS} subscribers, ${RATE * SECONDS} events in ${((appended - start) / 1_000).toFixed(1)} s`)
  console.log(
    `received ${received} of ${expected} messages in order, ${wrong} out of order, in ${seconds.toFixed(1)} s`,
  )
  console.log(`${Math.round(received / busy)} messages per CPU second of the server`)
  console.log(
    `memory: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB with all subscribed (${(((after - before) * 1_024) / SUBSCRIBERS).toFixed(1)} KiB each), ${(await residentMiB()).toFixed(0)} MiB at the end`,
  )
  for (const socket of sockets) socket.close()
  while ((await metric(url, 'tidemark_followers')) > 0);
  console.log(
    `after they left: ${await metric(url, 'tidemark_followers')} followers, ${await metric(url, 'tidemark_followed_streams')} streams`,
  )
} finally {
  server.kill('SIGTERM')
  await rm(scratch, { recursive: true, force: true })
}

async function address(): Promise<string> {
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /ready: (http:\S+)\/graphql/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('The server ended. Run "npm run build" first.')
}

async function newDataset(url: string): Promise<string> {
  const organization = await graphql(url, 'mutation { createOrganization(input: { name: "Bench" }) { id } }', {}, KEY)
  const input = { organizationId: organization.data.createOrganization.id }
  const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
  return (await graphql(url, create, { input }, KEY)).data.createDataset.id
}

/** Follows the stream on a socket of its own. @param tell says of each event whether it was the next. */
function follow(url: string, dataset: string, tell: (next: boolean) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const query = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { cursor node { seq eventType eventData createdAt } } }`
  let last = 0
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
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
      // Parsing a million messages would measure this process, not the server.
      const seq = Number(/"seq":(\d+)/.exec(message)?.[1])
      tell(seq === last + 1)
      last = seq
    })
  })
}

async function residentMiB(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024
}

async function cpuSeconds(): Promise<number> {
  const [, fields] = (await readFile(`/proc/${server.pid}/stat`, 'utf8')).split(') ')
  const [user, system] = (fields ?? '').split(' ').slice(11, 13).map(Number)
  return ((user ?? 0) + (system ?? 0)) / 100
}
