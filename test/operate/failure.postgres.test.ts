import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { runSql } from '../support/database.ts'
import { samples } from '../support/metrics.ts'
import { newDataset, newOrganization, newReport, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'

/** The error id of a response. */
const ID = expect.stringMatching(/^[0-9a-f-]{36}$/)

let server: TestServer
let dataset: string
let report: string

beforeAll(async () => {
  server = await startServer()
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
  await runSql(server.env, 'ALTER TABLE event RENAME TO secret_table; ALTER TABLE event_count RENAME TO other_secret')
})
afterAll(() => server[Symbol.asyncDispose]())

test('When the database fails, each transport responds in its format, without exposing the cause', async () => {
  const authorization = `Bearer ${server.rootKey}`
  const trieve = await fetch(`${server.url}/api/dataset/events`, {
    method: 'POST',
    body: '{}',
    headers: { authorization, 'tr-dataset': dataset, 'content-type': 'application/json' },
  })
  expect([trieve.status, await trieve.text()]).toEqual([500, '{"message":"Internal Server Error"}'])
  // An empty report is answered from its head; one with events has to be read.
  await runSql(server.env, `UPDATE stream SET head = 1 WHERE id = '${report}'`)
  const llamacloud = await fetch(`${server.url}/api/v1/reports/${report}/events`, { headers: { authorization } })
  expect([llamacloud.status, await llamacloud.text()]).toEqual([500, '{"detail":"Internal Server Error"}'])
  const { data, errors } = await server.graphql(RECORD_WORKER_EVENTS, {
    id: dataset,
    events: [{ eventType: 'ETL_STARTED' }],
  })
  expect(data).toEqual({ recordWorkerEvents: null })
  expect(errors).toMatchObject([{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  expect(JSON.stringify(errors)).not.toContain('secret')
})

describe('An unexpected error is found in the log by an id', () => {
  const variables = () => ({ id: dataset, events: [{ eventType: 'ETL_STARTED' }] })

  /** The log line with that id. */
  const logged = (errorId?: string) => server.log.filter((line) => line.errorId === errorId)

  test.each<[string, (key: string) => Promise<string>]>([
    ['HTTP', async () => JSON.stringify(await server.graphql(RECORD_WORKER_EVENTS, variables()))],
    [
      'server-sent events',
      async (key) => {
        const response = await fetch(`${server.url}/graphql`, {
          method: 'POST',
          headers: { authorization: key, accept: 'text/event-stream', 'content-type': 'application/json' },
          body: JSON.stringify({ query: RECORD_WORKER_EVENTS, variables: variables() }),
        })
        return response.text()
      },
    ],
    [
      'a WebSocket',
      async (authorization) => {
        const url = `${server.url.replace('http', 'ws')}/graphql`
        const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization } })
        onTestFinished(() => void client.dispose())
        for await (const result of client.iterate({ query: RECORD_WORKER_EVENTS, variables: variables() }))
          return JSON.stringify(result)
        return ''
      },
    ],
  ])('that an error over %s contains, a new one each time', async (name, ask) => {
    const [first, second] = [await ask(`Bearer ${server.rootKey}`), await ask(`Bearer ${server.rootKey}`)].map(
      (answer) => /"code":"INTERNAL_SERVER_ERROR","errorId":"([0-9a-f]{12})"/.exec(answer)?.[1],
    )
    expect(first).not.toBe(second)
    const by = name === 'a WebSocket' ? { socketId: ID, operationId: ID } : { requestId: ID }
    for (const id of [first, second])
      expect(logged(id)).toMatchObject([
        { msg: 'unexpected error', err: { message: expect.stringMatching(/event/) }, ...by },
      ])
  })

  test('and a 500 of a legacy route, which contains none, is logged with it', async () => {
    const before = server.log.length
    const { status, headers } = await fetch(`${server.url}/api/dataset/events`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: server.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' },
    })
    expect(status).toBe(500)
    const [cause, route] = server.log.slice(before)
    const requestId = headers.get('x-request-id')
    expect(cause).toMatchObject({ err: { message: expect.stringMatching(/event/) }, requestId })
    const message = `The pipeline failed: INTERNAL_SERVER_ERROR ${cause.errorId}`
    expect(route).toMatchObject({ msg: 'REST route failed', err: { message }, requestId })
  })

  test('but failed key lookups are not logged per request: clients retry, and one line gives the cause', async () => {
    const before = server.log.length
    await runSql(server.env, 'ALTER TABLE api_key RENAME TO hidden_keys')
    const { errors } = await server
      .graphql('{ __typename }', {}, 'some-key')
      .finally(() => runSql(server.env, 'ALTER TABLE hidden_keys RENAME TO api_key'))
    expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfter: expect.any(Number) } }])
    expect(server.log.slice(before)).toMatchObject([{ err: { message: expect.stringMatching(/api_key/) } }])
  })
})

describe('The log contains no key, payload or variable after any failure', () => {
  const SECRET = 'sEcReT'

  test('at any level', async () => {
    await using talkative = await startServer({ ...server.env, LOG_LEVEL: 'trace' })
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${SECRET}` }
    const post = (path: string, body: unknown, more = {}) =>
      fetch(`${talkative.url}${path}`, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) })
    const root = { authorization: `Bearer ${talkative.rootKey}` }
    const get = (path: string) => fetch(`${talkative.url}${path}`, { headers: { ...headers, ...root } })
    const event = { eventType: 'ETL_STARTED', eventData: { it: SECRET } }
    const operations = [
      { query: RECORD_WORKER_EVENTS, variables: { id: dataset, events: [event] } },
      { query: RECORD_WORKER_EVENTS, variables: { id: SECRET, events: [event] } },
      { query: RECORD_WORKER_EVENTS, variables: { id: dataset, events: [{ eventType: SECRET }] } },
      {
        query: 'mutation ($n: String!) { createOrganization(input: { name: $n }) { id } }',
        variables: { n: `${SECRET}\ud800` },
      },
      { query: `{ ${SECRET} }` },
      { query: `{ report(id: "${SECRET}") { id } }` },
      { query: `{ "${SECRET}` },
    ]
    for (const operation of operations)
      for (const more of [{}, root, { ...root, accept: 'text/event-stream' }])
        await (await post('/graphql', operation, more)).text()
    const [failing] = operations
    const url = `${talkative.url.replace('http', 'ws')}/graphql`
    for (const connectionParams of [root, headers]) {
      const client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 })
      for (const operation of operations)
        await new Promise<void>((resolve) => {
          client.subscribe(operation, { next: () => undefined, error: () => resolve(), complete: resolve })
        })
      await client.dispose()
    }
    await post('/api/dataset/events', { page: SECRET }, { ...root, 'tr-dataset': dataset })
    await post('/api/dataset/events', {}, { ...root, 'tr-dataset': SECRET })
    await post('/api/dataset/events', { event_types: [SECRET] }, { 'x-api-key': SECRET, 'tr-dataset': dataset })
    await get(`/api/v1/reports/${SECRET}/events?last_sequence=${SECRET}`)
    await get(`/graphql?query={__typename}&variables=${SECRET}`)
    await get(`/graphql?query=${encodeURIComponent(String(failing?.query))}&variables={"id":"${SECRET}"}`)
    await post('/graphql', SECRET, root)
    await until(() => talkative.log.filter(({ msg }) => msg === 'answered').length >= 35)
    expect(talkative.log.filter(({ msg }) => msg === 'unexpected error').length).toBeGreaterThan(2)
    const text = JSON.stringify(talkative.log)
    expect([SECRET, talkative.rootKey].filter((secret) => text.includes(secret))).toEqual([])
  })
})

test('When the database is unavailable, /readyz and /metrics report it and /healthz does not', async () => {
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  expectData(await server.graphql('query ($id: UUID!) { dataset(id: $id) { id } }', { id: dataset }))
  const before = await samples(server.url)
  expect(before.get('tidemark_database_connections{state="idle"}')).toBeGreaterThan(0)
  expect(before.get('tidemark_database_waiting')).toBe(0)
  const follower = overSse(server.url, server.rootKey, FOLLOW, { id: dataset })
  await follower.start()
  const name = new URL(server.env.DATABASE_URL as string).pathname.slice(1)
  const elsewhere = { ...server.env, DATABASE_URL: (server.env.DATABASE_URL as string).replace(name, 'postgres') }
  await runSql(elsewhere, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
  await runSql(elsewhere, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503)
  const ready = await fetch(`${server.url}/readyz`)
  expect(await ready.json()).toMatchObject({ status: 'unavailable', database: { reachable: false } })
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  expect((await samples(server.url)).get('tidemark_ready')).toBe(0)
  const failures = 'tidemark_task_failures_total{task="following"}'
  await until(async () => ((await samples(server.url)).get(failures) ?? 0) > 0)
  await runSql(elsewhere, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200)
  await follower.end()
})
