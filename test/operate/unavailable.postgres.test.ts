import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { serve } from '../support/process.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  RECORD_WORKER_EVENTS,
  recordWorkerEvents,
} from '../support/seed.ts'
import { graphql, metric, type Result, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { ASK } from '../support/transports.ts'
import { until } from '../support/until.ts'
import { wakeupState } from '../support/wakeups.ts'

const EVENT = { eventType: 'ETL_STARTED' }

const SHORT = { DATABASE_TIMEOUT_SECONDS: '2' }

const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'

/** Errors may only say that a repeat may succeed. */
function expectRetryable({ errors = [] }: Result): void {
  for (const { extensions } of errors) expect(extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 1 })
}

async function sleeping(env: DatabaseSettings): Promise<number> {
  const sql = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`
  return (await runSql(env, sql)).length
}

async function startBehindProxy(settings: Record<string, string> = {}) {
  const env = await freshDatabase()
  const proxy = await tcpProxy(String(env.DATABASE_URL))
  const server = await startServer({ ...env, ...settings, DATABASE_URL: proxy.url })
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  const report = await newReport(server, organization)
  const key = await newKey(server, organization, 'WRITE')
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'tr-dataset': dataset }
  const query = `{ workerEvents(datasetId: "${dataset}") { totalCount } }`
  const record = `mutation { recordWorkerEvents(datasetId: "${dataset}", events: [{ eventType: ETL_STARTED }]) {
    results { seq } } }`
  return {
    env,
    proxy,
    server,
    dataset,
    organization,
    report,
    key,
    page: () => server.graphql(query, {}, key),
    append: () => server.graphql(record, {}, key),
    trieve: () => fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' }),
    llamacloud: () => fetch(`${server.url}/api/v1/reports/${report}/events`, { headers }),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

// Each has a database of its own, and waits for timeouts of the server: they do so concurrently, but for two.
test.concurrent('Clients do not notice a short outage of the database', async () => {
  await using behind = await startBehindProxy()
  const { proxy, server, dataset, page, append, trieve, llamacloud } = behind
  await recordWorkerEvents(server, dataset, [EVENT])
  await proxy.cut()
  const asked = [page(), append(), append(), page()]
  const legacy = [trieve(), llamacloud()]
  // They have all met a database that is not there before it comes back.
  await new Promise((resolve) => setImmediate(resolve))
  await proxy.restore()
  for (const { errors } of await Promise.all(asked)) expect(errors).toBeUndefined()
  for (const { status } of await Promise.all(legacy)) expect(status).toBe(200)
  expect((await page()).data.workerEvents.totalCount).toBe(3)
})

test.concurrent('While the database is down, each transport reports UNAVAILABLE with a time, logged once', async () => {
  await using behind = await startBehindProxy()
  const { proxy, server, page, append, trieve, llamacloud } = behind
  const query = JSON.stringify({ query: '{ organization(id: "00000000-0000-0000-0000-000000000001") { id } }' })
  const asRoot = () =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.rootKey}`,
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
      },
      body: query,
    })
  await proxy.cut()
  const results = await Promise.all([page(), append(), page()])
  for (const { errors } of results)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 1 })
  for (const response of await Promise.all([asRoot(), asRoot(), asRoot(), trieve(), llamacloud()])) {
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
  }
  const lines = server.log.filter(({ level, msg }) => level >= 50 && /UNAVAILABLE/.test(msg))
  // One for keys, which are looked up elsewhere, and one for the rest.
  expect(lines.length).toBeLessThanOrEqual(2)
  await proxy.restore()
  expect((await page()).errors).toBeUndefined()
})

describe('While a table is locked', () => {
  const TYPES = ['application/json', 'application/graphql-response+json', 'text/event-stream']
  type Behind = Pick<Awaited<ReturnType<typeof startBehindProxy>>, 'server' | 'key'>

  const post = ({ server, key }: Behind, query: string, accept: string) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept },
      body: JSON.stringify({ query }),
    })
  const statusOf = ({ status, headers }: Response) => [status, headers.get('retry-after')]
  const FAILED = { message: expect.any(String), extensions: { code: 'UNAVAILABLE', retryAfter: 1 } }

  test.concurrent('a result with data is not one to retry as a whole, and its errors have no internals', async () => {
    await using behind = await startBehindProxy(SHORT)
    const { env, server, dataset, organization, report, key } = behind
    const record = `recordWorkerEvents(datasetId: "${dataset}", events: [{ eventType: ETL_STARTED }]) { results {
      outcome } }`
    const create = `createReport(input: { organizationId: "${organization}" }) { id }`
    await using _lock = await holdLock(env, 'LOCK TABLE report IN ACCESS EXCLUSIVE MODE')
    const query = `{ a: organization(id: "${organization}") { id } b: report(id: "${report}") { id name } }`
    for (const [, ask] of ASK) {
      const { data, errors = [] } = await ask(server.url, key, JSON.stringify({ query }))
      expect(data).toEqual({ a: { id: organization }, b: null })
      expect(errors.map(({ extensions }) => extensions)).toEqual([FAILED.extensions])
    }
    const halves = await Promise.all(TYPES.map((type) => post(behind, `mutation { a: ${record} b: ${create} }`, type)))
    for (const response of halves) {
      expect(statusOf(response)).toEqual([200, null])
      const text = await response.text()
      expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text)).toMatchObject({
        data: { a: { results: [{ outcome: 'RECORDED' }] }, b: null },
        errors: [FAILED],
      })
    }
    // A change that failed may have been made.
    const alone = await post(behind, `mutation { ${create} }`, 'application/graphql-response+json')
    expect(statusOf(alone)).toEqual([200, null])
  })

  test.concurrent('equal queries without a result all get 503, waiting for the table or for their turn', async () => {
    await using behind = await startBehindProxy(SHORT)
    const { env, server, dataset, report } = behind
    await recordWorkerEvents(server, dataset, [EVENT])
    await using _lock = await holdLock(env, 'LOCK TABLE event, report IN ACCESS EXCLUSIVE MODE')
    const queries = [
      `{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`,
      `{ a: report(id: "${report}") { id name } b: report(id: "${report}") { name } }`,
    ]
    const asked = Array.from({ length: 60 }, (_, i) => post(behind, queries[i % 2] ?? '', TYPES[i % 3] ?? ''))
    for (const response of await Promise.all(asked)) {
      expect(statusOf(response)).toEqual([503, '1'])
      const { errors } = (await response.json()) as Result
      expectRetryable({ data: null, errors })
    }
  })

  // Changes the time for all that run meanwhile.
  test('a subscription that has waited too long ends without `complete`', async () => {
    await using behind = await startBehindProxy(SHORT)
    const { env, server, dataset } = behind
    await recordWorkerEvents(server, dataset, [EVENT])
    await using _lock = await holdLock(env, 'LOCK TABLE event IN ACCESS EXCLUSIVE MODE')
    const query = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { cursor } }`
    const response = await post(behind, query, 'text/event-stream')
    expect(statusOf(response)).toEqual([200, null])
    await until(async () => (await lockWaits(env)) > 0)
    // From here on, a second is a minute.
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() * 60)
    onTestFinished(() => void vi.restoreAllMocks())
    const text = await response.text()
    expect(text).toMatch(/^event: next\ndata: \{"errors":.*"UNAVAILABLE"/m)
    expect(text).not.toContain('event: complete')
  })
})

test.concurrent('Calls on silent connections end in time, and what goes on does so on others', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { proxy, server, dataset, key, page, append } = behind
  const live = [overWebSocket, overSse].map((transport) => transport(server.url, key, FOLLOW, { id: dataset }))
  await server.followers(2)
  await until(async () => (await wakeupState(server.url)).connected)
  // Opens every connection.
  for (const { errors } of await Promise.all(Array.from({ length: 20 }, page))) expect(errors).toBeUndefined()
  proxy.silence()
  for (const result of await Promise.all([page(), append(), page(), append(), page(), append()]))
    expectRetryable(result)
  await until(async () => {
    const result = await append()
    expectRetryable(result)
    return !result.errors
  })
  const { totalCount } = (await page()).data.workerEvents
  const seqs = Array.from({ length: totalCount }, (_, i) => i + 1)
  for (const subscription of live) {
    expect((await subscription.take(totalCount)).map(({ node }) => node.seq)).toEqual(seqs)
    await subscription.end()
  }
  // That of LISTEN is noticed, too.
  await until(() => server.log.some(({ msg }) => /^wake-ups .* disconnected/.test(msg)))
  await until(async () => (await wakeupState(server.url)).connected)
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
})

// Alone, as it must be stored within the two seconds.
test('An append whose answer is lost is stored once, however often it is sent again', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { proxy, server, dataset, page } = behind
  await recordWorkerEvents(server, dataset, [EVENT])
  proxy.silence('answers')
  const events = [{ ...EVENT, id: 'a0a0a0a0-0000-4000-8000-000000000001' }]
  let last: Result | undefined
  await until(async () => {
    last = await server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
    expectRetryable(last)
    return !last.errors
  })
  expect(last?.data.recordWorkerEvents.results).toMatchObject([{ seq: 2, outcome: 'DUPLICATE' }])
  // Other connections may still be silent.
  await until(async () => {
    last = await page()
    expectRetryable(last)
    return !last.errors
  })
  expect(last?.data.workerEvents.totalCount).toBe(2)
})

test.concurrent('A call waits a limited time for its turn, and a subscription goes on after it', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { env, server, dataset, key } = behind
  await recordWorkerEvents(server, dataset, [EVENT])
  const query = `{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`
  const subscription = await (async () => {
    await using _lock = await holdLock(env, 'LOCK TABLE event IN ACCESS EXCLUSIVE MODE')
    // One after the other, two seconds each, they would take a minute.
    const asked = Array.from({ length: 60 }, () => server.graphql(query, {}, key))
    await until(async () => (await metric(server.url, 'tidemark_database_waiting')) > 8)
    const late = overWebSocket(server.url, key, FOLLOW, { id: dataset })
    for (const result of await Promise.all(asked)) {
      expect(result.errors).toHaveLength(1)
      expectRetryable(result)
    }
    return late
  })()
  expect((await subscription.take(1)).map(({ node }) => node.seq)).toEqual([1])
  await subscription.end()
})

test.concurrent('Acts of one caller wait for each other only so long', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { env, server, organization, key } = behind
  const create = 'mutation ($id: UUID!) { createDataset(input: { organizationId: $id }) { id } }'
  {
    // Each locks the row of its key.
    await using _lock = await holdLock(env, 'SELECT 1 FROM api_key FOR UPDATE')
    // One after the other, two seconds each, they would take a minute.
    const asked = Array.from({ length: 30 }, () => server.graphql(create, { id: organization }, key))
    for (const result of await Promise.all(asked)) {
      expect(result.errors).toHaveLength(1)
      expectRetryable(result)
    }
  }
  expect((await server.graphql(create, { id: organization }, key)).errors).toBeUndefined()
})

test.concurrent('Appends that wait for a transaction that takes too long fail with it, not one by one', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { env, server, dataset } = behind
  await runSql(
    env,
    `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
     CREATE TRIGGER stall BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION stall()`,
  )
  const before = await metric(server.url, 'tidemark_append_seconds_count')
  const events = Array(900).fill(EVENT)
  const record = () => server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
  for (const result of await Promise.all(Array.from({ length: 10 }, record))) {
    expect(result.errors).toHaveLength(1)
    expectRetryable(result)
  }
  expect((await metric(server.url, 'tidemark_append_seconds_count')) - before).toBeLessThan(5)
})

test.concurrent('A new append does not fail with those whose transaction has taken too long', async () => {
  // Long enough for all transactions to begin before the first one fails.
  await using behind = await startBehindProxy({ DATABASE_TIMEOUT_SECONDS: '6' })
  const { env, server, append } = behind
  // The first append to a database locks its epochs.
  await append()
  await runSql(
    env,
    `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
     CREATE TRIGGER stall BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.data LIKE '%stall%') EXECUTE FUNCTION stall()`,
  )
  const [organization, other] = [await newOrganization(server), await newOrganization(server)]
  const datasets = await Promise.all(Array.from({ length: 4 }, () => newDataset(server, organization)))
  const othersDataset = await newDataset(server, other)
  // One transaction each, which are all that appends have.
  const stalled: Promise<Result>[] = []
  for (const id of datasets) {
    stalled.push(server.graphql(RECORD_WORKER_EVENTS, { id, events: [{ ...EVENT, eventData: 'stall' }] }))
    await until(async () => (await sleeping(env)) === stalled.length)
  }
  const young = server.graphql(RECORD_WORKER_EVENTS, { id: othersDataset, events: [EVENT] })
  for (const { errors } of await Promise.all(stalled)) expect(errors).toHaveLength(1)
  expect((await young).errors).toBeUndefined()
})

test.concurrent('A signal ends a server in its time, with status 0, while the database is silent', async () => {
  const env = await freshDatabase()
  await using proxy = await tcpProxy(String(env.DATABASE_URL))
  const server = await serve({ ...env, DATABASE_URL: proxy.url })
  const root = 'test-root-api-key'
  const create = 'mutation { createOrganization(input: { name: "x" }) { id } }'
  expect((await graphql(server.url, create, {}, root)).errors).toBeUndefined()
  await until(async () => (await wakeupState(server.url)).connected)
  proxy.silence('all')
  const asked = [graphql(server.url, create, {}, root), graphql(server.url, '{ __typename }', {}, 'a-key-to-look-up')]
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503)
  server.child.kill('SIGTERM')
  for (const result of await Promise.allSettled(asked)) if (result.status === 'fulfilled') expectRetryable(result.value)
  expect([await server.exited, server.output.stderr]).toEqual([0, expect.not.stringContaining('timed out: exiting')])
})

test.concurrent('PostgreSQL cancels a statement that takes too long, and its connection stays', async () => {
  await using behind = await startBehindProxy(SHORT)
  const { env, server, dataset } = behind
  await recordWorkerEvents(server, dataset, [EVENT])
  const backends = () =>
    runSql<{ pid: number }>(
      env,
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  await using _lock = await holdLock(env, 'LOCK TABLE event IN ACCESS EXCLUSIVE MODE')
  const query = `{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`
  const result = await server.graphql(query)
  expect(result.errors).toHaveLength(1)
  expectRetryable(result)
  expect(await backends()).toEqual([])
})

test.concurrent('An append for which PostgreSQL has no disk space may be sent again later', async () => {
  await using behind = await startBehindProxy()
  const { env, append, page } = behind
  await runSql(
    env,
    `CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
     CREATE TRIGGER fill BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION fill()`,
  )
  const result = await append()
  expect(result.errors).toHaveLength(1)
  expectRetryable(result)
  expect((await page()).errors).toBeUndefined()
  await runSql(env, 'DROP TRIGGER fill ON event')
  expect((await append()).errors).toBeUndefined()
})
