import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, newReport, RECORD_REPORT_EVENTS, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { seeded } from '../support/seeded.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

/** Enough for marks, which are at every 32nd event of a type. */
const CALLS = process.env.LONG ? 400 : 60
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Calls of 1 to 40 events; some ids come again, with the same event or another one. */
function newCalls<Event>(make: (id: string, random: () => number) => Event): Event[][] {
  const random = seeded(SEED)
  const events: Event[] = []
  const ids: string[] = []
  return Array.from({ length: CALLS }, () =>
    Array.from({ length: 1 + Math.floor(random() * (random() < 0.3 ? 40 : 3)) }, () => {
      const known = random() < 0.1 ? Math.floor(random() * ids.length) : undefined
      if (known !== undefined && ids[known] !== undefined) {
        return random() < 0.5 ? (events[known] as Event) : make(ids[known], random)
      }
      const id = randomUUID()
      const event = make(id, random)
      ids.push(id)
      events.push(event)
      return event
    }),
  )
}

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']
const STATES = ['PLANNING', 'GENERATING', 'COMPLETED']

const workerEvent = (id: string, random: () => number) => ({
  id,
  eventType: TYPES[Math.floor(random() * TYPES.length)],
  eventData: { n: Math.floor(random() * 1_000) },
})
const reportEvent = (id: string, random: () => number) =>
  random() < 0.3
    ? { state: { id, message: 'x', state: STATES[Math.floor(random() * STATES.length)] } }
    : { progress: { id, message: 'x', variant: 'LOAD_TEMPLATE', progress: random() } }

/** The results without cursors, in which the stream is, and all rows of a stream but for times. */
interface Outcome {
  results: unknown[]
  rows: Record<string, unknown>[]
}

async function record(document: string, id: string, events: object[]): Promise<unknown[]> {
  const data = expectData(await server.graphql(document, { id, events }))
  const { results } = Object.values(data)[0] as { results: { cursor: string }[] }
  return results.map(({ cursor: _, ...result }) => result)
}

async function rowsOf(id: string): Promise<Record<string, unknown>[]> {
  const of = `WHERE stream_id = '${id}'`
  const rows = await Promise.all(
    [
      `SELECT seq, id, type, data FROM event ${of} ORDER BY seq`,
      `SELECT type, n, removed FROM event_count ${of} ORDER BY type`,
      `SELECT type, ordinal, seq FROM event_mark ${of} ORDER BY type, ordinal`,
      `SELECT start FROM stream_epoch ${of}`,
      `SELECT head, (SELECT max(created_at) FROM event ${of}) = last_at AS timed FROM stream WHERE id = '${id}'`,
      `SELECT state, active_at > created_at AS active FROM report WHERE id = '${id}'`,
      `SELECT active_at > created_at AS active FROM dataset WHERE id = '${id}'`,
    ].map((sql) => runSql<Record<string, unknown>>(server.env, sql)),
  )
  return rows.flat()
}

async function appended(id: string, calls: object[][], append: (events: object[]) => Promise<unknown[]>) {
  const results: unknown[] = []
  for (const events of calls) results.push(...(await append(events)))
  return { results, rows: await rowsOf(id) } satisfies Outcome
}

test(`One by one, in batches and in shared transactions, events make the same rows (SEED=${SEED})`, async () => {
  const [workerCalls, reportCalls] = [newCalls(workerEvent), newCalls(reportEvent)]
  const kinds = [
    { document: RECORD_WORKER_EVENTS, calls: workerCalls, create: () => newDataset(server, organization) },
    { document: RECORD_REPORT_EVENTS, calls: reportCalls, create: () => newReport(server, organization) },
  ]
  const expected: Outcome[] = []
  for (const { document, calls, create } of kinds) {
    const [single, batched] = [await create(), await create()]
    const oneByOne = calls.flat().map((event) => [event])
    expected.push(await appended(single, oneByOne, (events) => record(document, single, events)))
    expect(await appended(batched, calls, (events) => record(document, batched, events))).toEqual(expected.at(-1))
  }

  // Two streams of each kind at a time, so that calls share transactions.
  const streams = await Promise.all([...kinds, ...kinds].map(async (kind) => ({ ...kind, id: await kind.create() })))
  const together = await Promise.all(
    streams.map(async ({ id, document, calls }) => ({
      id,
      ...(await appended(id, calls, (events) => record(document, id, events))),
    })),
  )
  for (const [i, { results, rows }] of together.entries()) expect({ results, rows }).toEqual(expected[i % 2])
  const [{ shared } = { shared: 0 }] = await runSql<{ shared: number }>(
    server.env,
    `SELECT count(*)::int AS shared FROM (
       SELECT 1 FROM event WHERE stream_id IN ('${streams.map(({ id }) => id).join("','")}')
        GROUP BY xmin::text HAVING count(DISTINCT stream_id) > 1) transactions`,
  )
  expect(shared).toBeGreaterThan(0)
})
