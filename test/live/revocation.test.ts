import { once } from 'node:events'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { samples } from '../support/metrics.ts'
import { raw, request } from '../support/raw.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

/** The server for revocations and the subscribers' server: different nodes where the database can be shared. */
let here: TestServer
let there: TestServer
let organization: string
let report: string

beforeAll(async () => {
  here = await startServer()
  there = inject('mode') === 'postgres' ? await startServer(here.env) : here
  organization = await newOrganization(here)
  report = await newReport(here, organization)
  await recordReportEvents(here, report, [{ progress: { variant: 'EDITING', message: 'one' } }])
})
afterAll(async () => {
  await here[Symbol.asyncDispose]()
  if (there !== here) await there[Symbol.asyncDispose]()
})

const QUERY = `subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node {
  seq eventDataText } } }`

const LIVE = `query ($id: UUID!) {
  liveConnections(organizationId: $id) { nodes { id apiKey { id } streamId transport operationName lag } }
}`

interface Live {
  id: string
  apiKey: { id: string }
  streamId: string | null
  transport: string
}

async function newKey(extra: object = {}): Promise<{ id: string; key: string }> {
  const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
  const input = { organizationId: organization, role: 'READ', ...extra }
  const { key, apiKey } = expectData(await here.graphql(query, { input })).createApiKey
  return { key, id: apiKey.id }
}

async function revoke(id: string): Promise<void> {
  expectData(await here.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id }))
}

async function reportStream(key: string): Promise<{ first: string; rest: Promise<string> }> {
  const response = await fetch(`${there.url}/api/v1/reports/${report}/events`, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
  })
  const chunks = (response.body as ReadableStream<Uint8Array>)[Symbol.asyncIterator]()
  let first = ''
  while (!first.includes('data:')) first += Buffer.from((await chunks.next()).value ?? [])
  const rest = (async () => {
    let text = ''
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) text += Buffer.from(next.value)
    return text
  })()
  return { first, rest }
}

test.each<[string, () => Promise<{ id: string; key: string }>, boolean]>([
  ['revoked', () => newKey(), true],
  // Long enough to subscribe.
  ['expired', () => newKey({ expiresAt: new Date(Date.now() + 3_000) }), false],
])('A key that is %s ends everything open with it, and nothing is delivered afterwards', async (_, make, toRevoke) => {
  const dataset = await newDataset(here, organization)
  await recordWorkerEvents(here, dataset, [{ eventType: 'ETL_STARTED' }])
  const { id, key } = await make()
  const other = await newKey()
  const readers = [overSse, overWebSocket].map((subscribe) => subscribe(there.url, key, QUERY, { id: dataset }))
  const spared = overWebSocket(there.url, other.key, QUERY, { id: dataset })
  onTestFinished(() => spared.end())
  for (const reader of [...readers, spared]) await reader.take(1)
  const { rest } = await reportStream(key)
  rest.catch(() => undefined)
  // A socket without subscriptions is closed as well.
  const idle = new WebSocket(`${there.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(idle, 'open')
  idle.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(idle, 'message')
  const closed = once(idle, 'close')
  if (toRevoke) await revoke(id)
  expect(await Promise.all(readers.map((reader) => reader.failure()))).toEqual(['UNAUTHENTICATED', 4401])
  expect(await closed).toContain(4401)
  await expect(rest).rejects.toThrow()
  await there.followers(1)
  await recordWorkerEvents(here, dataset, [{ eventType: 'ETL_STARTED' }])
  expect(await spared.take(1)).toHaveLength(1)
  for (const reader of readers) await expect(reader.take(1)).rejects.toThrow('after 0 of 1')
})

test('A subscription that is catching up ends with its key', async () => {
  const count = 300
  const heavy = await newDataset(here, organization)
  const events = Array.from({ length: count / 10 }, () => ({
    eventType: 'ETL_STARTED',
    eventData: 'x'.repeat(100_000),
  }))
  for (let i = 0; i < 10; i++) await recordWorkerEvents(here, heavy, events)
  const { id, key } = await newKey()
  const socket = new WebSocket(`${there.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(socket, 'message')
  let received = 0
  socket.on('message', () => received++)
  socket.pause()
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { id: heavy } } }))
  await there.followers(1)
  await revoke(id)
  await there.followers(0)
  socket.resume()
  expect(await once(socket, 'close')).toContain(4401)
  expect(received).toBeLessThan(count)
})

test('A long response is listed, ends with its key or by an administrator, and has no later data', async () => {
  const long = await newReport(here, organization)
  const message = 'x'.repeat(1_000_000)
  const states = (count: number) => Array.from({ length: count }, () => ({ state: { message, state: 'GENERATING' } }))
  // More than a page, and more than the socket buffers of both sides.
  for (let i = 0; i < 6; i++) await recordReportEvents(here, long, states(4))
  const [revoked, kept] = [await newKey(), await newKey()]
  const list = (key: string) => request(`/api/v1/reports/${long}/events`, { authorization: `Bearer ${key}` })
  const query = `query Long { reportEvents(reportId: "${long}", first: 12) { nodes { ... on StateEvent {
    message } } } }`
  const headers = { authorization: `Bearer ${revoked.key}`, 'content-type': 'application/json' }
  const requests = [
    list(revoked.key),
    request('/graphql', headers, JSON.stringify({ query })),
    list(kept.key),
    list(kept.key),
  ]
  const clients = await Promise.all(requests.map(() => raw(there.url)))
  for (const [i, client] of clients.entries()) client.send(requests[i] ?? '')
  const listed = async () => {
    const { liveConnections } = expectData(await here.graphql(LIVE, { id: organization }))
    return (liveConnections.nodes as Live[]).filter(({ transport }) => transport === 'HTTP_RESPONSE')
  }
  await until(async () => (await listed()).length === 4)
  const live = await listed()
  expect(live.filter(({ streamId }) => streamId === null)).toMatchObject([{ operationName: 'Long', lag: null }])
  expect(live.filter(({ streamId }) => streamId === long)).toHaveLength(3)
  const [ofKept] = live.filter(({ apiKey }) => apiKey.id === kept.id)
  const before = await samples(there.url)
  await revoke(revoked.id)
  expectData(await here.graphql('mutation ($id: UUID!) { endLiveConnection(id: $id) { id } }', { id: ofKept?.id }))
  const [first, second, third, fourth] = clients
  const ended = await Promise.race([third?.broken().then(() => third), fourth?.broken().then(() => fourth)])
  await Promise.all([first?.broken(), second?.broken()])
  // Not `gone`, as the clients have not left.
  for (const each of [
    'llamacloud",outcome="UNAUTHENTICATED',
    'graphql",outcome="UNAUTHENTICATED',
    'llamacloud",outcome="FORBIDDEN',
  ]) {
    const name = `tidemark_requests_total{transport="${each}"}`
    await until(async () => (await samples(there.url)).get(name) === (before.get(name) ?? 0) + 1)
  }
  await recordReportEvents(here, long, [{ state: { message: 'LATE', state: 'COMPLETED' } }])
  const left = ended === third ? fourth : third
  const text = (await left?.read(/\]\r\n0\r\n\r\n$/)) ?? ''
  expect(text.match(/"event_type":/g)).toHaveLength(24)
  expect(text).not.toContain('LATE')
})
