import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { parse } from 'yaml'
import { version } from '../../src/lib/version.ts'
import { installed } from '../support/installed.ts'
import { readPage } from '../support/markdown.ts'
import { exposition, metricNames, samples } from '../support/metrics.ts'
import { raw, upgrade } from '../support/raw.ts'
import { newDataset, newKey, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

/** Whether `promtool` is installed. */
const promtool = installed('promtool')

let server: TestServer
let organization: string
let dataset: string
let report: string

beforeAll(async () => {
  server = await startServer({ MAX_OPERATIONS_PER_SOCKET: '1' })
  organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

const FOLLOW =
  'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq eventDataText } } }'
const event = { eventType: 'ETL_STARTED' }
const sample = async (name: string) => (await samples(server.url)).get(name) ?? 0

/** Runs an action, and returns by how much the samples have increased, once the first of them has. */
async function risen(names: string[], act: () => Promise<unknown>): Promise<number[]> {
  const before = await samples(server.url)
  await act()
  let after = before
  const by = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  await until(async () => {
    after = await samples(server.url)
    return by(names[0] ?? '') > 0
  })
  return names.map(by)
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<string> {
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.rootKey}`, ...headers },
    body,
  }).then((response) => response.text())
}

test('The metrics are those listed in docs/operating.md', async () => {
  const documented = [...(await readFile('docs/operating.md', 'utf8')).matchAll(/^\| `(tidemark_\w+)/gm)].map(
    ([, name]) => name,
  )
  expect((await metricNames(server.url)).filter((name) => name.startsWith('tidemark_')).sort()).toEqual(
    documented.sort(),
  )
})

test.skipIf(!promtool)('promtool accepts the metrics', async () => {
  const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await exposition(server.url) })
  // Names of the Node.js metrics are conventional.
  const lints = String(stderr)
    .split('\n')
    .filter((line) => line && !line.startsWith('nodejs_'))
  expect([lints, status === 0 || status === 3]).toEqual([[], true])
})

const RULES = resolve('.deploy/prometheus/alerts.yaml')

describe('The dashboard and the alerts in .deploy', () => {
  const dashboard = () => readFile('.deploy/grafana/tidemark.json', 'utf8')

  test('refer to existing metrics only', async () => {
    const exposed = new Set(await metricNames(server.url))
    for (const text of [await dashboard(), await readFile(RULES, 'utf8')]) {
      const asked = [...text.matchAll(/\b(?:tidemark|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name)
      const unknown = asked.filter(
        (name) => !exposed.has(name) && !exposed.has(name.replace(/_(?:bucket|sum|count)$/, '')),
      )
      expect([unknown, asked.length > 10]).toEqual([[], true])
    }
  })

  test('agree: what an alert goes by is on the dashboard', async () => {
    const panels = await dashboard()
    const rules = parse(await readFile(RULES, 'utf8')) as { groups: { rules: { expr: string }[] }[] }
    const exprs = rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr))
    const names = exprs.flatMap((expr) => expr.match(/\btidemark_[a-z_]+/g) ?? [])
    expect([names.filter((name) => !panels.includes(name)), names.length > 10]).toEqual([[], true])
  })

  test.skipIf(!promtool)('are accepted by promtool', async () => {
    const { panels } = JSON.parse(await dashboard()) as { panels: { targets?: { expr: string }[] }[] }
    const asked = panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr)
    // Prometheus accepts JSON as rules, and the variables of Grafana as empty.
    const rules = asked.map((expr, i) => ({ record: `panel_${i}`, expr: expr.replaceAll('$__rate_interval', '5m') }))
    const file = join(inject('scratch'), 'panels.json')
    await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
    for (const rules of [file, RULES]) {
      const { status, stderr } = spawnSync('promtool', ['check', 'rules', rules])
      expect([status, String(stderr)]).toEqual([0, ''])
    }
  })

  test.skipIf(!promtool)('distinguish unhealthy servers from healthy ones', async () => {
    const file = join(inject('scratch'), 'alerts.yaml')
    await writeFile(file, (await readFile('test/fixtures/alerts.yaml', 'utf8')).replace('RULES', RULES))
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file])
    expect([status, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})

test('Metrics contain the version, the kind of database, and the event loop lag', async () => {
  const { database } = (await (await fetch(`${server.url}/readyz`)).json()) as { database: { mode: string } }
  expect(await sample(`tidemark_build_info{version="${version}",database="${database.mode}"}`)).toBe(1)
  expect(await sample('tidemark_ready')).toBe(1)
  expect(await sample('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0)
})

describe('A call is counted and timed by its transport and outcome', () => {
  const nowhere = randomUUID()

  test.each<[transport: string, outcome: string, act: () => Promise<unknown>]>([
    ['graphql', 'ok', () => post('/graphql', '{"query":"{ __typename }"}')],
    ['graphql', 'GRAPHQL_PARSE_FAILED', () => post('/graphql', '{"query":"{"}')],
    ['graphql', 'GRAPHQL_VALIDATION_FAILED', () => post('/graphql', '{"query":"{ nothing }"}')],
    ['graphql', 'UNAUTHENTICATED', () => server.graphql(`{ report(id: "${nowhere}") { id } }`, {}, null)],
    ['graphql', 'NOT_FOUND', () => server.graphql(`{ workerEvents(datasetId: "${nowhere}") { totalCount } }`)],
    ['graphql', 'BAD_REQUEST', () => post('/graphql', 'x', { 'content-type': 'text/plain' })],
    ['graphql', 'gone', () => leaveEarly()],
    ['sse', 'ok', () => post('/graphql', '{"query":"{ __typename }"}', { accept: 'text/event-stream' })],
    ['sse', 'ok', () => follow(overSse, server.rootKey)],
    ['websocket', 'ok', () => follow(overWebSocket, server.rootKey)],
    ['websocket', 'NOT_FOUND', () => overWebSocket(server.url, server.rootKey, FOLLOW, { id: nowhere }).failure()],
    ['trieve', 'ok', () => post('/api/dataset/events', '{}', { 'tr-dataset': dataset })],
    ['trieve', 'BAD_USER_INPUT', () => post('/api/dataset/events', '{}')],
    ['trieve', 'UNAUTHENTICATED', () => post('/api/events', '{}', { authorization: 'x', 'tr-dataset': dataset })],
    ['llamacloud', 'ok', () => get(`/api/v1/reports/${report}/events`)],
    ['llamacloud', 'NOT_FOUND', () => get(`/api/v1/reports/${nowhere}/events`)],
    ['llamacloud', 'ok', () => openStream(`/api/v1/reports/${report}/events`)],
    ['other', 'NOT_FOUND', () => get('/nowhere')],
  ])('%s: %s', async (transport, outcome, act) => {
    const counted = [`tidemark_requests_total{transport="${transport}",outcome="${outcome}"}`]
    const timed = [
      `tidemark_request_seconds_count{transport="${transport}"}`,
      `tidemark_request_seconds_bucket{le="+Inf",transport="${transport}"}`,
    ]
    const [count, ...times] = await risen([...counted, ...timed], act)
    // The request for the metrics counts itself.
    if (transport !== 'other') expect([count, ...times]).toEqual([1, 1, 1])
  })

  function get(path: string): Promise<string> {
    return fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.rootKey}` } }).then((r) =>
      r.text(),
    )
  }

  async function openStream(path: string): Promise<void> {
    const leaving = new AbortController()
    const headers = { authorization: `Bearer ${server.rootKey}`, accept: 'text/event-stream' }
    await fetch(`${server.url}${path}`, { headers, signal: leaving.signal })
    leaving.abort()
  }

  async function follow(subscribe: typeof overSse, key: string): Promise<void> {
    const subscription = subscribe(server.url, key, FOLLOW, { id: dataset })
    await subscription.start()
    await subscription.end()
  }

  async function leaveEarly(): Promise<void> {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    // It gets 100-continue, and sends no body.
    const headers = ['host: x', 'content-type: application/json', 'content-length: 100', 'expect: 100-continue']
    socket.write(`POST /graphql HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
    await once(socket, 'data')
    socket.destroy()
  }
})

test('Recorded and removed events are counted', async () => {
  const id = randomUUID()
  const names = ['recorded', 'duplicate', 'conflict', 'failed'].map(
    (outcome) => `tidemark_events_total{outcome="${outcome}"}`,
  )
  const transactions = ['tidemark_append_seconds_count', 'tidemark_append_events_sum']
  const rise = await risen([...names, ...transactions], async () => {
    await recordWorkerEvents(server, dataset, [event, { ...event, id }, { ...event, id }])
    await recordWorkerEvents(server, dataset, [{ ...event, id, eventData: 'another' }])
  })
  // The repeated id is appended in a second transaction.
  expect(rise).toEqual([2, 1, 1, 0, 3, 4])
  expect(await sample('tidemark_append_queue_events')).toBe(0)
  const set = 'mutation ($id: UUID!) { setRetention(of: { datasetId: $id }, policy: { maxEvents: 2 }) { maxEvents } }'
  const other = await newDataset(server, organization)
  await recordWorkerEvents(
    server,
    other,
    Array.from({ length: 5 }, () => event),
  )
  const removed = await risen(['tidemark_events_removed_total'], () => server.graphql(set, { id: other }))
  expect(removed).toEqual([3])
})

test('An invalid key is counted on every transport', async () => {
  const bad = 'no-such-key'
  expect(await risen(['tidemark_keys_refused_total'], () => server.graphql('{ __typename }', {}, bad))).toEqual([1])
  const closed = 'tidemark_sockets_closed_total{code="4401"}'
  const connecting = () => overWebSocket(server.url, bad, FOLLOW, { id: dataset }).failure()
  expect(await risen([closed, 'tidemark_keys_refused_total'], connecting)).toEqual([1, 1])
  // A missing key is not a rejected one.
  const none = () => server.graphql('{ __typename }', {}, null)
  expect(
    await risen(['tidemark_requests_total{transport="graphql",outcome="ok"}', 'tidemark_keys_refused_total'], none),
  ).toEqual([1, 0])
})

const socketsClosed = (code: number | 'other') => `tidemark_sockets_closed_total{code="${code}"}`

describe('Closed sockets are counted', () => {
  const documented = [...readPage('docs/live.md').matchAll(/^\| (\d{4}(?:, \d{4})*) \|/gm)].flatMap(([, codes]) =>
    (codes ?? '').split(', ').map(Number),
  )

  test('by each documented code, and by no other of a client', async () => {
    expect(documented.length).toBeGreaterThan(10)
    for (const code of [...documented, 1000, 1005, 4403, 4500]) {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
      onTestFinished(() => socket.terminate())
      await once(socket, 'open')
      const closing = async () => {
        if (code === 1006) socket.terminate()
        else if (code === 1005) socket.close()
        else socket.close(code)
      }
      const name = socketsClosed([4403, 4500].includes(code) ? 'other' : code)
      expect([code, await risen([name], closing)]).toEqual([code, [1]])
    }
  })

  test.each([
    [1002, 'a frame without a mask', [0x81, 0x00]],
    [1007, 'text that is not UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff]],
    [1008, 'too many frames', [0x01, 0x80, 0, 0, 0, 0, ...Array(2_000).fill([0x00, 0x80, 0, 0, 0, 0]).flat()]],
    [1009, 'a frame that is too large', [0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('by %i after %s', async (code, _, bytes) => {
    const client = await raw(server.url)
    client.send(upgrade('/graphql'))
    await client.read(/\r\n\r\n/)
    const names = [socketsClosed(code), socketsClosed(1006)]
    const sending = async () => {
      client.send(Buffer.from(bytes))
      await until(() => client.socket.readableEnded)
      client.socket.destroy()
    }
    expect(await risen(names, sending)).toEqual([1, 0])
  })
})

test('Followers, cohorts, sockets, deliveries and ends of subscriptions are counted', async () => {
  const id = await newDataset(server, organization)
  const key = await newKey(server, organization)
  const deliveries = await sample('tidemark_deliveries_total')
  const [one, two] = [key, key].map((k) => overWebSocket(server.url, k, FOLLOW, { id }))
  const root = overSse(server.url, server.rootKey, FOLLOW, { id })
  await Promise.all([one, two, root].map((reader) => reader?.start()))
  const now = await samples(server.url)
  const of = (name: string) => now.get(`tidemark_${name}`)
  expect([of('followers'), of('followed_streams'), of('cohorts'), of('largest_cohort_members'), of('sockets')]).toEqual(
    [3, 1, 2, 2, 2],
  )
  await recordWorkerEvents(server, id, [event, event])
  await Promise.all([one, two, root].map((reader) => reader?.take(2)))
  expect((await sample('tidemark_deliveries_total')) - deliveries).toBe(6)
  const ended = (outcome: string) => `tidemark_subscriptions_ended_total{outcome="${outcome}"}`
  const leaving = () => one?.end() ?? Promise.resolve()
  expect(await risen(['tidemark_sockets_closed_total{code="1000"}', ended('ok')], leaving)).toEqual([1, 1])
  const byAdmin = async () => {
    const failures = Promise.all([two?.failure(), root.failure()])
    await endingAll(failures)
    expect(await failures).toEqual(['FORBIDDEN', 'FORBIDDEN'])
  }
  expect(await risen([ended('FORBIDDEN')], byAdmin)).toEqual([2])
  await two?.end()
  await until(async () => (await sample('tidemark_sockets')) === 0)
  expect([await sample('tidemark_cohorts'), await sample('tidemark_largest_cohort_members')]).toEqual([0, 0])
})

/** Ends all listed connections, which appear with a delay, until it is settled. */
async function endingAll(settled: Promise<unknown>): Promise<void> {
  let over = false
  void settled.finally(() => {
    over = true
  })
  const list = 'query ($id: UUID!) { liveConnections(organizationId: $id, first: 10) { nodes { id } } }'
  await until(async () => {
    const { liveConnections } = expectData(await server.graphql(list, { id: organization }))
    for (const { id } of liveConnections.nodes)
      await server.graphql('mutation ($id: UUID!) { endLiveConnection(id: $id) { id } }', { id })
    return over
  })
}

test('The lag of a reader that does not read rises; that of a reader without matching events does not', async () => {
  const id = await newDataset(server, organization)
  const others = overSse(
    server.url,
    server.rootKey,
    'subscription ($id: UUID!) { workerEvents(datasetId: $id, types: [ETL_FAILED], from: BEGINNING) { cursor } }',
    { id },
  )
  await others.start()
  const large = Array.from({ length: 50 }, () => ({ ...event, eventData: 'x'.repeat(100_000) }))
  for (let i = 0; i < 2; i++) await recordWorkerEvents(server, id, large)
  await until(async () => (await sample('tidemark_follower_lag_events')) === 0)
  const leaving = new AbortController()
  const unread = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${server.rootKey}`,
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ query: FOLLOW, variables: { id } }),
    signal: leaving.signal,
  })
  await until(async () => (await sample('tidemark_deliveries_total')) > 0)
  expect(await sample('tidemark_follower_lag_events')).toBeGreaterThan(20)
  // Read here: a response that is garbage-collected ends its stream.
  expect(unread.status).toBe(200)
  leaving.abort()
  await others.end()
  await until(async () => (await sample('tidemark_follower_lag_events')) === 0)
})
