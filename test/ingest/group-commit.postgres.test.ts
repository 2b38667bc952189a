import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { holdLock } from '../support/lock.ts'
import { newDataset, newKey, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, metric, type Result, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const event = (eventData: unknown = null, id = randomUUID()) => ({ id, eventType: 'ETL_STARTED', eventData })

function record(dataset: string, events: object[], key?: string): Promise<Result> {
  return server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events }, key)
}

/** The outcomes, or the code of the error. */
function outcomes({ data, errors }: Result): string[] {
  return errors
    ? errors.map(({ extensions }) => extensions.code)
    : data.recordWorkerEvents.results.map(({ outcome }: { outcome: string }) => outcome)
}

/** Locks the rows of streams, as a foreign writer would, until disposed of. */
function hold(...streams: string[]) {
  return holdLock(server.env, 'SELECT 1 FROM stream WHERE id = ANY ($1) FOR UPDATE', [streams])
}

const APPENDING = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND query LIKE '%append_permitted%' AND wait_event_type = 'Lock'`

/** The connection whose append waits for a lock. */
async function waitingAppend(): Promise<number> {
  for (;;) {
    const [row] = await runSql<{ pid: number }>(server.env, APPENDING)
    if (row) return row.pid
  }
}

test('Concurrent appends share transactions, and each caller gets its own result', async () => {
  const datasets = await Promise.all(Array.from({ length: 8 }, () => newDataset(server, organization)))
  const calls = Array.from({ length: 160 }, (_, i) => {
    const events = [event({ i, n: 0 }), event({ i, n: 1 })]
    return { dataset: datasets[i % 8] as string, events }
  })
  const results = await Promise.all(calls.map(({ dataset, events }) => record(dataset, events)))
  const taken = new Set<string>()
  for (const [i, { dataset, events }] of calls.entries()) {
    const recorded = expectData(results[i] as Result).recordWorkerEvents.results
    expect(recorded.map(({ id }: { id: string }) => id)).toEqual(events.map(({ id }) => id))
    // Side by side: one transaction, in order.
    expect(recorded[1].seq).toBe(recorded[0].seq + 1)
    for (const { seq } of recorded) taken.add(`${dataset} ${seq}`)
  }
  expect(taken.size).toBe(320)
  for (const dataset of datasets) for (let seq = 1; seq <= 40; seq++) expect(taken).toContain(`${dataset} ${seq}`)
  const [{ transactions } = { transactions: 0 }] = await runSql<{ transactions: number }>(
    server.env,
    `SELECT count(DISTINCT xmin::text)::int AS transactions FROM event WHERE stream_id IN ('${datasets.join("','")}')`,
  )
  expect(transactions).toBeLessThan(160)
})

test('A large append shares no transaction with small ones, and leaves transactions for them', async () => {
  const datasets = await Promise.all(Array.from({ length: 16 }, () => newDataset(server, organization)))
  const [before, large, small] = [datasets.slice(0, 4), datasets.slice(4, 10), datasets.slice(10)]
  const waiting = (count: number) =>
    until(async () => (await metric(server.url, 'tidemark_append_queue_events')) === count)
  const payload = 'x'.repeat(900_000)
  // Nothing starts until all of them wait, so that they can share.
  const held = await holdLock(server.env, 'LOCK TABLE event IN SHARE MODE')
  const first = before.map((dataset) => record(dataset, [event('first')]))
  await waiting(4)
  const big = large.map((dataset) => record(dataset, [event(payload)]))
  const little = small.map((dataset) => record(dataset, [event('small')]))
  await waiting(16)
  await held[Symbol.asyncDispose]()
  await Promise.all([...first, ...big, ...little])
  const transactions = (ids: string[]) =>
    runSql<{ xmin: string }>(
      server.env,
      `SELECT DISTINCT xmin::text AS xmin FROM event WHERE stream_id IN ('${ids.join("','")}')`,
    )
  const [ofLarge, ofSmall] = [await transactions(large), await transactions(small)]
  expect(ofLarge).toHaveLength(6)
  for (const { xmin } of ofSmall) expect(ofLarge.map(({ xmin }) => xmin)).not.toContain(xmin)
})

test('The same id from several concurrent callers is stored once, and reported to each of them', async () => {
  const dataset = await newDataset(server, organization)
  const [same, other] = [event('same'), event('other')]
  const calls = Array.from({ length: 30 }, (_, i) => [same, i % 3 === 0 ? event('other way', other.id) : other])
  const results = await Promise.all(calls.map((events) => record(dataset, events)))
  const counted: Record<string, number> = {}
  for (const outcome of results.flatMap(outcomes)) counted[outcome] = (counted[outcome] ?? 0) + 1
  expect(counted.RECORDED).toBe(2)
  expect(counted.DUPLICATE).toBeGreaterThanOrEqual(29)
  expect((counted.DUPLICATE ?? 0) + (counted.CONFLICT ?? 0)).toBe(58)
  for (const { data } of results) for (const { seq } of data.recordWorkerEvents.results) expect([1, 2]).toContain(seq)
})

describe('An append that fails does not affect other callers', () => {
  test('when the database rejects an event', async () => {
    await runSql(
      server.env,
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.data LIKE '%refuse me%' THEN RAISE EXCEPTION 'no'; END IF;
         RETURN NEW;
       END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse();`,
    )
    const datasets = [await newDataset(server, organization), await newDataset(server, organization)]
    // Nothing starts until all of them wait, so that they share a group.
    const held = await hold(...datasets)
    const first = datasets.map((dataset) => record(dataset, [event('first')]))
    await waitingAppend()
    const calls = Array.from({ length: 20 }, (_, i) => (i === 7 ? 'refuse me' : 'take me'))
    const results = calls.map((data, i) => record(datasets[i % 2] as string, [event('before'), event(data)]))
    await held[Symbol.asyncDispose]()
    await Promise.all(first)
    for (const [i, result] of (await Promise.all(results)).entries())
      expect(outcomes(result)).toEqual(i === 7 ? ['INTERNAL_SERVER_ERROR'] : ['RECORDED', 'RECORDED'])
    await runSql(server.env, 'DROP TRIGGER refuse ON event')
  })

  test('when its stream is locked by another transaction', async () => {
    const [stuck, free] = [await newDataset(server, organization), await newDataset(server, organization)]
    let settled = false
    const held = await hold(stuck)
    const waiting = Promise.all(Array.from({ length: 5 }, () => record(stuck, [event()]))).finally(() => {
      settled = true
    })
    for (let i = 0; i < 5; i++) {
      const both = await Promise.all([record(free, [event()]), record(free, [event()])])
      expect(both.flatMap(outcomes)).toEqual(['RECORDED', 'RECORDED'])
    }
    expect(settled).toBe(false)
    await held[Symbol.asyncDispose]()
    expect((await waiting).flatMap(outcomes)).toEqual(Array.from({ length: 5 }, () => 'RECORDED'))
  })
})

test('An append is retried when its connection breaks', async () => {
  const dataset = await newDataset(server, organization)
  const held = await hold(dataset)
  const recorded = record(dataset, [event()])
  await runSql(server.env, `SELECT pg_terminate_backend(${await waitingAppend()})`)
  await held[Symbol.asyncDispose]()
  expect(outcomes(await recorded)).toEqual(['RECORDED'])
})

test('An organization that fills its share of the queue is rejected with retryAfter, others are not', async () => {
  const dataset = await newDataset(server, organization)
  const [other, key] = [await newOrganization(server), await newKey(server, organization, 'WRITE')]
  const [othersDataset, othersKey] = [await newDataset(server, other), await newKey(server, other, 'WRITE')]
  const held = await hold(dataset)
  const thousand = () => Array.from({ length: 1_000 }, () => event())
  const calls = Array.from({ length: 15 }, () => record(dataset, thousand(), key))
  // A response while nothing can be appended is a rejection.
  expect((await Promise.race(calls)).errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 1 } }])
  expect(outcomes(await record(othersDataset, [event()], othersKey))).toEqual(['RECORDED'])
  await held[Symbol.asyncDispose]()
  const answered = (await Promise.all(calls)).map((result) => [...new Set(outcomes(result))].join())
  const recorded = answered.filter((outcome) => outcome === 'RECORDED').length
  expect(recorded).toBeGreaterThanOrEqual(10)
  expect(answered.filter((outcome) => outcome === 'RATE_LIMITED').length).toBe(15 - recorded)
  const { workerEvents } = expectData(
    await server.graphql('query ($id: UUID!) { workerEvents(datasetId: $id, first: 0) { totalCount } }', {
      id: dataset,
    }),
  )
  expect(workerEvents.totalCount).toBe(1_000 * recorded)
  expect(outcomes(await record(dataset, [event()], key))).toEqual(['RECORDED'])
})
