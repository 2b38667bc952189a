/**
 * Measures how the cost of a request grows with the history and with the number of streams: `npm run build`, then
 * `npx tsx test/bench/growth.ts [--events N] [--streams N] [--requests N] [--json FILE] [--quick]`. Three databases on
 * one PostgreSQL, filled by SQL in the form that the server writes: one of a stream of 10,000 events, one of a stream of
 * N, one of N streams of 20. Each has its own server, and requests to them take turns, so that what else the machine
 * does affects all. Each place is asked for once, so that nothing is answered from memory that a longer history would
 * not leave room for. A row of the result is the median in milliseconds and the ratio to the first database.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Node, startNode } from '../support/rig/node.ts'
import { type FilledDatabase, fillDatabase, PAGE, type Place } from './growth-database.ts'
import { median } from './report.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    streams: { type: 'string', default: '100000' },
    requests: { type: 'string', default: '400' },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const events = values.quick ? 20_000 : Number(values.events)
const streams = values.quick ? 200 : Number(values.streams)
const requests = values.quick ? 20 : Number(values.requests)

const FEW_EVENTS = 10_000

/** What is measured: one request to a place. */
const OPERATIONS: Record<string, (subject: Subject, place: Place) => Promise<void>> = {
  page: async ({ node, database }, { dataset, cursor }) => {
    const query = `query ($id: UUID!, $after: String) {
      workerEvents(datasetId: $id, order: OLDEST_FIRST, first: ${PAGE}, after: $after) { nodes { id seq eventData } }
    }`
    const { data } = await node.graphql(query, { id: dataset, after: cursor }, database.read)
    requireFull(data.workerEvents.nodes)
  },
  page_count: async ({ node, database }, { dataset, page }) => {
    const response = await fetch(`${node.url}/api/dataset/events`, {
      method: 'POST',
      headers: { authorization: database.read, 'tr-dataset': dataset, 'content-type': 'application/json' },
      body: JSON.stringify({ page, page_size: PAGE, event_types: ['etl_failed'] }),
    })
    requireFull(((await response.json()) as { events: unknown[] }).events)
  },
  append: async ({ node, database }, { dataset }) => {
    const query = `mutation ($id: UUID!) {
      recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED }]) { results { seq } }
    }`
    const { data } = await node.graphql(query, { id: dataset }, database.write)
    if (!data.recordWorkerEvents) throw new Error('An event was not recorded.')
  },
  subscribe: async ({ node, database }, { dataset, cursor }) => {
    const query = `subscription ($id: UUID!, $after: String) {
      workerEvents(datasetId: $id, from: BEGINNING, after: $after) { node { seq } }
    }`
    const ended = new AbortController()
    const response = await fetch(`${node.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${database.read}`,
        accept: 'text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query, variables: { id: dataset, after: cursor } }),
      signal: ended.signal,
    })
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (text.includes('"seq"')) break
    }
    ended.abort()
    if (!text.includes('"seq"')) throw new Error(`A subscription delivered nothing: ${text}`)
  },
}

interface Subject extends AsyncDisposable {
  readonly name: string
  readonly database: FilledDatabase
  readonly node: Node
}

await using few = await open(`${FEW_EVENTS} events`, { streams: 1, events: FEW_EVENTS })
await using many = await open(`${events} events`, { streams: 1, events })
await using wide = await open(`${streams} streams`, { streams, events: 2 * PAGE })
const subjects = [few, many, wide]
const results: { operation: string; name: string; ms: number; ratio: number }[] = []
for (const [operation, run] of Object.entries(OPERATIONS)) {
  const times = await measure(run)
  const base = median(times[0] ?? [])
  for (const [i, { name }] of subjects.entries()) {
    const ms = median(times[i] ?? [])
    results.push({ operation, name, ms, ratio: ms / base })
    console.log(`${operation.padEnd(12)} ${name.padEnd(18)} ${ms.toFixed(2).padStart(8)} ms ${(ms / base).toFixed(2)}`)
  }
}
if (values.json) await writeFile(values.json, JSON.stringify({ events, streams, requests, results }, null, 2))

async function measure(run: (subject: Subject, place: Place) => Promise<void>): Promise<number[][]> {
  const times = subjects.map((): number[] => [])
  // The first requests compile the code, and open connections.
  const warmUp = Math.ceil(requests / 10)
  for (let n = -warmUp; n < requests; n++) {
    for (const [i, subject] of subjects.entries()) {
      const place = subject.database.place()
      const begun = performance.now()
      await run(subject, place)
      if (n >= 0) times[i]?.push(performance.now() - begun)
    }
  }
  return times
}

async function open(name: string, size: { streams: number; events: number }): Promise<Subject> {
  const database = await fillDatabase(size)
  const node = await startNode('.', { ...database.env, REQUESTS_PER_MINUTE: '1000000000' })
  return {
    name,
    database,
    node,
    async [Symbol.asyncDispose]() {
      await node.stop()
      await database[Symbol.asyncDispose]()
    },
  }
}

function requireFull(page: readonly unknown[]): void {
  if (page.length !== PAGE) throw new Error(`A page has ${page.length} events.`)
}
