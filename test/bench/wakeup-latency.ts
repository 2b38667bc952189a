/**
 * Measures the time from the append request to delivery on another server, by wake-up source: `npm run build`, then
 * `npx tsx test/bench/wakeup-latency.ts`. Two server processes, one PostgreSQL database that is dropped afterwards;
 * Redis at REDIS_URL or redis://127.0.0.1:6379, skipped if unreachable. One event at a time, after a random pause.
 */
import { migratePostgres } from '../../src/db/database.ts'
import { databaseUrl, postgresUrl, query } from '../support/postgres.ts'
import { type Process, serve } from '../support/process.ts'
import { overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'
import { tailReads, wakeupState } from '../support/wakeups.ts'

type Running = Process & { url: string }
type Source = Parameters<typeof tailReads>[1]

const KEY = 'test-root-api-key'
const REDIS = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
/** Nothing listens there, so that only polling is left. */
const NO_REDIS = 'redis://127.0.0.1:1'
const WARM_UP = 50

async function sendRequest(url: string, query: string, variables: object = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = await response.json()
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const percentile = (sorted: number[], share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN

/** Appends on one server and waits on the other. @param pauseMs maximum pause between two events. */
async function measure(source: Source, writer: Running, reader: Running, events: number, pauseMs: number) {
  const { createOrganization } = await sendRequest(
    writer.url,
    'mutation { createOrganization(input: { name: "Bench" }) { id } }',
  )
  const { createDataset } = await sendRequest(
    writer.url,
    'mutation ($id: UUID!) { createDataset(input: { organizationId: $id }) { id } }',
    createOrganization,
  )
  const subscription = overWebSocket(
    reader.url,
    KEY,
    'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }',
    createDataset,
  )
  const append =
    'mutation ($id: UUID!) { recordWorkerEvents(datasetId: $id, events: [{ eventType: FILE_UPLOADED }]) { ' +
    'results { seq } } }'
  const delivered: number[] = []
  const acknowledged: number[] = []
  let before = 0
  for (let i = 0; i < WARM_UP + events; i++) {
    // Polling takes a second each; no warm-up is needed.
    if (source === 'poll' && i === 0) i = WARM_UP
    if (i === WARM_UP) before = await tailReads(reader.url, source)
    await pause(Math.random() * pauseMs)
    const start = performance.now()
    const acknowledge = sendRequest(writer.url, append, createDataset).then(() => performance.now() - start)
    await subscription.take(1)
    const time = performance.now() - start
    if (i < WARM_UP) await acknowledge
    else {
      delivered.push(time)
      acknowledged.push(await acknowledge)
    }
  }
  const reads = (await tailReads(reader.url, source)) - before
  await subscription.end()
  const sorted = delivered.toSorted((a, b) => a - b)
  const ms = (value: number) => Number(value.toFixed(1))
  return {
    events,
    'by the source': reads,
    'p50 ms': ms(percentile(sorted, 0.5)),
    'p99 ms': ms(percentile(sorted, 0.99)),
    'max ms': ms(percentile(sorted, 1)),
    'p50 ms of the acknowledgement': ms(
      percentile(
        acknowledged.toSorted((a, b) => a - b),
        0.5,
      ),
    ),
  }
}

async function run(DATABASE_URL: string): Promise<void> {
  const table: Record<string, Awaited<ReturnType<typeof measure>>> = {}
  const rows: [name: string, source: Source, env: object, connected: boolean, events: number, pauseMs: number][] = [
    ['in-process', 'in-process', {}, true, 1_000, 30],
    ['postgres', 'postgres', {}, true, 1_000, 30],
    ['redis', 'redis', { REDIS_URL: REDIS }, true, 1_000, 30],
    ['poll only', 'poll', { REDIS_URL: NO_REDIS }, false, 100, 1_000],
  ]
  for (const [name, source, env, connected, events, pauseMs] of rows) {
    const servers = await Promise.all([serve({ DATABASE_URL, ...env }), serve({ DATABASE_URL, ...env })])
    const [writer, other] = servers
    try {
      if (connected) {
        const end = performance.now() + 5_000
        const isConnected = async () => {
          const states = await Promise.all(servers.map(({ url }) => wakeupState(url)))
          return states.every((state) => state.connected)
        }
        await until(async () => performance.now() > end || (await isConnected()))
        if (!(await isConnected())) {
          console.warn(`${name} is left out: it does not connect.`)
          continue
        }
      }
      table[name] = await measure(source, writer, source === 'in-process' ? writer : other, events, pauseMs)
    } finally {
      for (const { child } of servers) child.kill('SIGTERM')
      await Promise.all(servers.map(({ exited }) => exited))
    }
  }
  console.table(table)
}

const server = await postgresUrl()
if (!server) throw new Error('No PostgreSQL is reachable at TEST_DATABASE_URL or 127.0.0.1:5432.')
const name = `tidemark_bench_${process.pid}`
await query(server, `CREATE DATABASE ${name}`)
try {
  await migratePostgres(databaseUrl(server, name))
  await run(databaseUrl(server, name))
} finally {
  await query(server, `DROP DATABASE ${name} WITH (FORCE)`)
}
