import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { samples } from '../support/metrics.ts'
import { frame, PONG, raw, request, slowly, upgrade } from '../support/raw.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

let server: TestServer
let key: string
let organization: string
let dataset: string
const EVENTS = 300

beforeAll(async () => {
  server = await startServer({ SLOW_CONSUMER_SECONDS: '4', LOG_LEVEL: 'info' })
  organization = await newOrganization(server)
  key = await newKey(server, organization)
  dataset = await newDataset(server, organization)
  // More than the socket buffers of both sides.
  const events = Array.from({ length: EVENTS / 10 }, (_, i) => ({
    eventType: 'ETL_STARTED',
    eventData: `${i}${'x'.repeat(100_000)}`,
  }))
  for (let i = 0; i < 10; i++) await recordWorkerEvents(server, dataset, events)
})
afterAll(() => server[Symbol.asyncDispose]())

const QUERY = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq eventDataText } }
}`

const CUT_OFF = 'connection closed: its client does not read'
const ENDED = 'tidemark_subscriptions_ended_total{outcome="SLOW_CONSUMER"}'
const UNREAD = 'tidemark_requests_total{transport="graphql",outcome="SLOW_CONSUMER"}'

/** What the server has counted and logged of clients that do not read, compared with an earlier count. */
async function cutOffs(before = { ended: 0, unread: 0, logged: 0 }): Promise<typeof before> {
  const counted = await samples(server.url)
  const logged = server.log.filter(({ msg }) => msg === CUT_OFF).length
  return {
    ended: (counted.get(ENDED) ?? 0) - before.ended,
    unread: (counted.get(UNREAD) ?? 0) - before.unread,
    logged: logged - before.logged,
  }
}

/** A request for server-sent events whose response is not read until resumed. */
async function unread(id = dataset): Promise<{ socket: Socket; read: () => Promise<string> }> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const body = JSON.stringify({ query: QUERY, variables: { id } })
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const read = async () => {
    let text = ''
    try {
      for await (const chunk of socket) {
        text += chunk
        if (text.includes('event: complete')) break
      }
    } catch {
      // Aborted.
    }
    return text
  }
  return { socket, read }
}

test('A client that leaves events unread gets SLOW_CONSUMER with its cursor, and others go on', async () => {
  const other = overWebSocket(server.url, key, QUERY, { id: dataset })
  onTestFinished(() => other.end())
  expect(await other.take(EVENTS)).toHaveLength(EVENTS)
  const { read } = await unread()
  await server.followers(2)
  // The slow one ends without being read; the other stays.
  await server.followers(1)
  const text = await read()
  const { errors } = JSON.parse(/^data: (\{"errors".*)$/m.exec(text)?.[1] ?? '{}')
  expect(errors).toMatchObject([{ extensions: { code: 'SLOW_CONSUMER', cursor: expect.any(String) } }])
  const seen = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.length).toBeLessThan(EVENTS)
  // From that cursor on, it gets the rest: none missing, none duplicated.
  const resumed = overWebSocket(server.url, key, QUERY, { id: dataset, after: errors[0].extensions.cursor })
  onTestFinished(() => resumed.end())
  const rest = (await resumed.take(EVENTS - seen.length)).map(({ node }) => node.seq)
  expect([...seen, ...rest]).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1))
})

test('So does one that has caught up and leaves new events unread, whose bytes are counted', async () => {
  const id = await newDataset(server, organization)
  const stalled = await unread(id)
  const other = overWebSocket(server.url, key, QUERY, { id })
  onTestFinished(() => other.end())
  await server.followers(2)
  let head = 0
  await until(async () => {
    const event = { eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) }
    head = (await recordWorkerEvents(server, id, [event])).at(-1)?.seq ?? 0
    expect(await other.take(1)).toMatchObject([{ node: { seq: head } }])
    return (await metric(server.url, 'tidemark_unsent_bytes')) >= 1_000_000
  })
  // More than it is sent.
  await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED' }])
  await server.followers(1)
  const text = await stalled.read()
  const { errors } = JSON.parse(/^data: (\{"errors".*)$/m.exec(text)?.[1] ?? '{}')
  const [, last] = [...text.matchAll(/^event: next\nid: (.*)$/gm)].at(-1) ?? []
  expect(errors).toMatchObject([{ extensions: { code: 'SLOW_CONSUMER', cursor: last } }])
  const seen = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))
  expect(seen).toEqual(Array.from({ length: head }, (_, i) => i + 1))
  await until(async () => (await metric(server.url, 'tidemark_unsent_bytes')) === 0)
  await other.end()
  await server.followers(0)
})

test('A client that leaves even that error unread is disconnected', async () => {
  const { read } = await unread()
  await server.followers(1)
  await server.followers(0)
  const other = await unread()
  await server.followers(1)
  await server.followers(0)
  // When the second one is ended, the connection of the first one is closed: its data stops in the middle.
  const [first, second] = await Promise.all([read(), other.read()])
  expect(first).not.toContain('SLOW_CONSUMER')
  expect(second).toContain('SLOW_CONSUMER')
})

/** A socket that subscribes to everything, and reads nothing until resumed. */
async function unreadSocket(): Promise<{ socket: WebSocket; messages: { id: string; type: string }[] }> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => socket.terminate())
  const messages: { id: string; type: string }[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data))))
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(socket, 'message')
  socket.pause()
  const payload = { query: QUERY, variables: { id: dataset } }
  socket.send(JSON.stringify({ id: 'slow', type: 'subscribe', payload }))
  return { socket, messages }
}

test('A slow subscription over a WebSocket ends and the socket remains; an unread socket is closed', async () => {
  const slow = await unreadSocket()
  await server.followers(1)
  await server.followers(0)
  slow.socket.resume()
  await until(() => slow.messages.some(({ type }) => type === 'error'))
  expect(slow.messages.at(-1)).toMatchObject({
    id: 'slow',
    payload: [{ extensions: { code: 'SLOW_CONSUMER', cursor: expect.any(String) } }],
  })
  const cutOff = await unreadSocket()
  await server.followers(1)
  await server.followers(0)
  const third = await unread()
  await server.followers(1)
  await server.followers(0)
  cutOff.socket.resume()
  expect(await once(cutOff.socket, 'close')).toContain(1006)
  expect(cutOff.messages.some(({ type }) => type === 'error')).toBe(false)
  third.socket.destroy()
  // The first one was notified in time, and continues.
  expect(slow.socket.readyState).toBe(WebSocket.OPEN)
  slow.socket.send(JSON.stringify({ id: 'q', type: 'subscribe', payload: { query: '{ __typename }' } }))
  await until(() => slow.messages.some(({ id, type }) => id === 'q' && type === 'next'))
})

test('A client that waits for events is not slow, with any filter', async () => {
  const patient = await newDataset(server, organization)
  const query = `subscription ($id: UUID!) { workerEvents(datasetId: $id, types: [ETL_FAILED]) { cursor node {
    seq } } }`
  const waiting = overWebSocket(server.url, key, query, { id: patient })
  onTestFinished(() => waiting.end())
  await server.followers(1)
  await recordWorkerEvents(server, patient, [{ eventType: 'ETL_FAILED' }])
  await waiting.take(1)
  // As long as it takes to end two slow clients, one after the other.
  for (let i = 0; i < 2; i++) {
    const slow = await unread()
    await server.followers(2)
    while ((await metric(server.url, 'tidemark_followers')) === 2)
      await recordWorkerEvents(server, patient, [{ eventType: 'ETL_STARTED' }])
    slow.socket.destroy()
  }
  await recordWorkerEvents(server, patient, [{ eventType: 'ETL_FAILED' }])
  expect(await waiting.take(1)).toHaveLength(1)
})

/**
 * A dataset with one event that exceeds the socket buffers of both sides when selected often enough: in a response, its
 * text takes twice as many bytes as characters, which are limited.
 */
async function oneLargeEvent(): Promise<{ id: string; query: string }> {
  const id = await newDataset(server, organization)
  await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED', eventData: '"'.repeat(500_000) }])
  const fields = Array.from({ length: 7 }, (_, i) => `a${i}: eventDataText`).join(' ')
  return {
    id,
    query: `subscription { workerEvents(datasetId: "${id}", from: BEGINNING) { cursor node { ${fields} } } }`,
  }
}

test.each(['a WebSocket', 'server-sent events'])(
  'Over %s, a single event counts as unread until its bytes are accepted',
  async (transport) => {
    const { query } = await oneLargeEvent()
    const before = await cutOffs()
    const client = await raw(server.url)
    const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream', 'content-type': 'application/json' }
    if (transport === 'a WebSocket') {
      client.send(upgrade('/graphql'))
      await client.read(/\r\n\r\n/)
      client.send(frame({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
      await client.read(/connection_ack/)
      client.socket.pause()
      client.send(frame({ id: '1', type: 'subscribe', payload: { query } }))
    } else client.send(request('/graphql', headers, JSON.stringify({ query })))
    await server.followers(1)
    // First it is ended, although there is nothing else to send, then its connection is closed.
    await server.followers(0)
    await client.broken(transport === 'a WebSocket' ? PONG : undefined)
    const broken = (await samples(server.url)).get('tidemark_connections_broken_total{reason="stalled"}')
    expect(broken).toBeGreaterThan(0)
    // The client never learned why: only the server can tell it from one that has left.
    expect(await cutOffs(before)).toEqual({ ended: 1, unread: 0, logged: 1 })
    const line = server.log.findLast(({ msg }) => msg === CUT_OFF)
    expect(line).toMatchObject({ level: 30, reason: 'stalled', caller: expect.stringMatching(/^key:/) })
  },
)

test('A flood of pipelined requests has an outcome and a log line of its own', async () => {
  const { id, query } = await oneLargeEvent()
  const fields = Array.from({ length: 20 }, (_, i) => `a${i}: eventDataText`).join(' ')
  const large = `{ workerEvents(datasetId: "${id}", first: 1) { nodes { ${fields} } } }`
  const names = [
    'tidemark_requests_total{transport="graphql",outcome="RATE_LIMITED"}',
    'tidemark_subscriptions_ended_total{outcome="RATE_LIMITED"}',
  ]
  const flooded = async () => {
    const counted = await samples(server.url)
    return names.map((name) => counted.get(name) ?? 0)
  }
  const before = await cutOffs()
  const [requests = 0, subscriptions = 0] = await flooded()
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const [response, stream] = [await raw(server.url), await raw(server.url)]
  response.send(request('/graphql', headers, JSON.stringify({ query: large })))
  stream.send(request('/graphql', { ...headers, accept: 'text/event-stream' }, JSON.stringify({ query })))
  await server.followers(1)
  await until(async () => (await metric(server.url, 'tidemark_unsent_bytes')) > 1_000_000)
  for (const client of [response, stream]) client.send(request('/healthz').repeat(100))
  for (const client of [response, stream]) await client.broken()
  expect(await flooded()).toEqual([requests + 1, subscriptions + 1])
  expect(await cutOffs(before)).toEqual({ ended: 0, unread: 0, logged: 0 })
  expect(server.log.findLast(({ reason }) => reason === 'pipelined')).toMatchObject({
    level: 30,
    msg: 'connection closed: too many requests wait on it',
    caller: expect.stringMatching(/^key:/),
  })
})

test('A response that is not read is aborted; one that is read slowly is not', async () => {
  const { id } = await oneLargeEvent()
  const fields = Array.from({ length: 20 }, (_, i) => `a${i}: eventDataText`).join(' ')
  const query = `{ workerEvents(datasetId: "${id}", first: 1) { nodes { ${fields} } } }`
  const bytes = request(
    '/graphql',
    { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    JSON.stringify({ query }),
  )
  const before = await cutOffs()
  const [slow, unread] = [await raw(server.url), await raw(server.url)]
  for (const client of [slow, unread]) client.send(bytes)
  // A chunk at a time, until the other one is gone.
  const reading = slowly(slow)
  await unread.broken()
  // The end of the last chunk.
  expect((await reading(/\}\r\n0\r\n\r\n$|\}\]\}\}\}$/)).length).toBeGreaterThan(20_000_000)
  expect(await cutOffs(before)).toEqual({ ended: 0, unread: 1, logged: 1 })
})
