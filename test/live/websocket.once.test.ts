import { once } from 'node:events'
import { connect } from 'node:net'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let key: string
let organization: string
let dataset: string
/** A dataset with events. */
let other: string
const EVENTS = 150

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  key = await newKey(server, organization)
  dataset = await newDataset(server, organization)
  other = await newDataset(server, organization)
  const events = Array.from({ length: EVENTS }, () => ({ eventType: 'ETL_STARTED' }))
  await recordWorkerEvents(server, other, events)
})
afterAll(() => server[Symbol.asyncDispose]())

/** A bare socket, below any client library. */
async function open(protocols = ['graphql-transport-ws'], path = '/graphql') {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, protocols)
  onTestFinished(() => socket.terminate())
  const closing = new Promise<[code: number, reason: string]>((resolve) =>
    socket.once('close', (code, reason) => resolve([code, String(reason)])),
  )
  // biome-ignore lint/suspicious/noExplicitAny: messages of the protocol
  const messages: any[] = []
  let wake = () => {}
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)))
    wake()
  })
  await once(socket, 'open')
  return {
    closed: closing.then(([code]) => code),
    reason: closing.then(([, reason]) => reason),
    send: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async message(type: string) {
      for (;;) {
        const found = messages.findIndex((message) => message.type === type)
        if (found >= 0) return messages.splice(0, found + 1).at(-1)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

const init = () => ({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })
const follow = (id: string) => ({
  id,
  type: 'subscribe',
  payload: { query: `subscription { workerEvents(datasetId: "${dataset}") { cursor } }` },
})

async function acknowledged() {
  const socket = await open()
  socket.send(init())
  await socket.message('connection_ack')
  return socket
}

describe('The close codes follow the protocol:', () => {
  test('4400 for a message that is not JSON', async () => {
    const socket = await acknowledged()
    socket.send('{')
    expect(await socket.closed).toBe(4400)
  })

  test('4400 for a message of an unknown type', async () => {
    const socket = await acknowledged()
    socket.send({ type: 'nonsense' })
    expect(await socket.closed).toBe(4400)
  })

  test.each([
    { type: 'connection_ack' },
    { id: '1', type: 'next', payload: { data: {} } },
    { id: '1', type: 'error', payload: [{ message: 'x' }] },
  ])('4400 for a message that only a server can send: $type', async (message) => {
    const socket = await acknowledged()
    socket.send(message)
    expect(await socket.closed).toBe(4400)
  })

  test('4400 for a subscription without a query', async () => {
    const socket = await acknowledged()
    socket.send({ id: '1', type: 'subscribe', payload: {} })
    expect(await socket.closed).toBe(4400)
  })

  test('4401 for an operation before the connection is acknowledged', async () => {
    const socket = await open()
    socket.send(follow('1'))
    expect(await socket.closed).toBe(4401)
  })

  test.each([
    ['no key', undefined],
    ['an unknown key', { authorization: 'Bearer tidemark_unknown' }],
    ['a key that is not text', { authorization: 1 }],
  ])('4401 for %s', async (_, payload) => {
    const socket = await open()
    socket.send({ type: 'connection_init', payload })
    expect(await socket.closed).toBe(4401)
    expect(await socket.reason).toContain('authorization: "Bearer KEY"')
  })

  test('4406 without a supported subprotocol', async () => {
    const socket = await open([])
    expect(await socket.closed).toBe(4406)
  })

  test('4408 without connection_init in time', async () => {
    const socket = await open()
    expect(await socket.closed).toBe(4408)
  })

  test('4409 for an id in use, but not for one that has ended', async () => {
    const socket = await acknowledged()
    socket.send({ id: '1', type: 'subscribe', payload: { query: '{ __typename }' } })
    await socket.message('complete')
    socket.send(follow('1'))
    socket.send(follow('1'))
    expect(await socket.closed).toBe(4409)
    await server.followers(0)
  })

  test.each(['x'.repeat(1_000), '€'.repeat(45)])('4409 for an id in use, however long', async (id) => {
    const socket = await acknowledged()
    socket.send(follow(id))
    await socket.message('ping')
    socket.send(follow(id))
    expect(await socket.closed).toBe(4409)
  })

  test('4429 for a second connection_init', async () => {
    const socket = await acknowledged()
    socket.send(init())
    expect(await socket.closed).toBe(4429)
  })
})

test('The official client gives up with an invalid key, and prints why, however often it may retry', async () => {
  const ending = async (authorization: string | undefined, opened = async () => {}) => {
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      shouldRetry: () => true,
      retryAttempts: Infinity,
    })
    const events = client.iterate({ query: `subscription { workerEvents(datasetId: "${dataset}") { cursor } }` })
    const ended = events.next().catch(({ code, reason }) => [code, reason])
    await opened()
    return ended
  }
  for (const authorization of [undefined, 'Bearer wrong'])
    expect(await ending(authorization)).toEqual([4401, expect.stringContaining('API key is required')])
  const created = `mutation { createApiKey(input: { organizationId: "${organization}", role: READ }) { key apiKey {
    id } } }`
  const { key, apiKey } = expectData(await server.graphql(created)).createApiKey
  const revoked = ending(`Bearer ${key}`, async () => {
    await server.followers(1)
    await server.graphql(`mutation { revokeApiKey(id: "${apiKey.id}") { id } }`)
  })
  expect(await revoked).toEqual([4401, expect.stringContaining('has been revoked or has expired')])
})

describe('A client that has not sent a key yet', () => {
  test.each([
    ['a long connection_init', [{ type: 'connection_init', payload: { x: 'x'.repeat(300_000) } }]],
    ['a long ping', [{ type: 'ping', payload: { x: 'x'.repeat(300_000) } }]],
    ['many pings', Array(20_000).fill({ type: 'ping' })],
  ])('is disconnected for %s', async (_, messages) => {
    const socket = await open()
    for (const message of messages) socket.send(message)
    expect(await socket.closed).toBe(1006)
  })

  test('can send a few pings, and a key afterwards', async () => {
    const socket = await open()
    for (let i = 0; i < 20; i++) socket.send({ type: 'ping', payload: { x: 'x'.repeat(100) } })
    expect(await socket.message('pong')).toEqual({ type: 'pong' })
    socket.send(init())
    await socket.message('connection_ack')
    socket.send({ type: 'ping', payload: { x: 'x'.repeat(300_000) } })
    expect(await socket.message('pong')).toEqual({ type: 'pong' })
  })
})

test('Queries and mutations run over a socket, with the same rights', async () => {
  const socket = await acknowledged()
  socket.send({ id: 'q', type: 'subscribe', payload: { query: `{ dataset(id: "${dataset}") { id } }` } })
  expect(await socket.message('next')).toEqual({
    id: 'q',
    type: 'next',
    payload: { data: { dataset: { id: dataset } } },
  })
  socket.send({
    id: 'm',
    type: 'subscribe',
    payload: { query: 'mutation { createOrganization(input: { name: "x" }) { id } }' },
  })
  expect(await socket.message('next')).toMatchObject({ payload: { errors: [{ extensions: { code: 'FORBIDDEN' } }] } })
})

test('An error of an operation is sent to that operation, and does not affect the others', async () => {
  const socket = await acknowledged()
  socket.send(follow('good'))
  for (const [query, code] of [
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
  ]) {
    socket.send({ id: 'bad', type: 'subscribe', payload: { query } })
    const { id, payload } = await socket.message('error')
    expect({ id, extensions: payload[0].extensions }).toEqual({ id: 'bad', extensions: { code } })
  }
  socket.send({ id: 'bad', type: 'subscribe', payload: { query: 'query A { __typename }', operationName: 'B' } })
  expect(await socket.message('error')).toMatchObject({ id: 'bad' })
  await server.followers(1)
  socket.send({ type: 'ping' })
  expect(await socket.message('pong')).toEqual({ type: 'pong' })
})

test('Each operation of a socket receives its own results', async () => {
  const socket = await acknowledged()
  const queries = {
    seqs: `subscription { workerEvents(datasetId: "${other}", from: BEGINNING) { node { seq } } }`,
    'by "type"': `subscription { workerEvents(datasetId: "${other}", from: BEGINNING) { node { seq eventType } } }`,
  }
  for (const [id, query] of Object.entries(queries)) socket.send({ id, type: 'subscribe', payload: { query } })
  socket.send({ id: 'q', type: 'subscribe', payload: { query: '{ __typename }' } })
  const got: Record<string, object[]> = {}
  for (let i = 0; i < 2 * EVENTS + 1; i++) {
    const { id, payload } = await socket.message('next')
    got[id] = [...(got[id] ?? []), payload.data.workerEvents?.node ?? payload.data]
  }
  const seqs = Array.from({ length: EVENTS }, (_, i) => i + 1)
  expect(got).toEqual({
    seqs: seqs.map((seq) => ({ seq })),
    'by "type"': seqs.map((seq) => ({ seq, eventType: 'ETL_STARTED' })),
    q: [{ __typename: 'Query' }],
  })
})

test('"complete" ends one subscription of a socket', async () => {
  const socket = await acknowledged()
  socket.send(follow('1'))
  socket.send(follow('2'))
  await server.followers(2)
  socket.send({ id: '1', type: 'complete' })
  await server.followers(1)
})

test('An id that is reused while its operation is being prepared closes the socket with 4409', async () => {
  const socket = await acknowledged()
  socket.send(follow('1'))
  socket.send({ id: '1', type: 'complete' })
  socket.send(follow('1'))
  expect(await socket.closed).toBe(4409)
  await server.followers(0)
})

test('A revoked key closes its socket at the next operation, which has no effect', async () => {
  const { data } = await server.graphql(
    `mutation ($organization: UUID!) { createApiKey(input: { organizationId: $organization, role: WRITE }) {
      key apiKey { id } } }`,
    { organization },
  )
  const socket = await open()
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${data.createApiKey.key}` } })
  await socket.message('connection_ack')
  await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: data.createApiKey.apiKey.id })
  const query = `mutation { createDataset(input: { organizationId: "${organization}", trackingId: "too late" }) {
    id } }`
  socket.send({ id: '1', type: 'subscribe', payload: { query } })
  expect(await socket.closed).toBe(4401)
  const late = `{ dataset(trackingId: "too late", organizationId: "${organization}") { id } }`
  expect(await server.graphql(late)).toEqual({ data: { dataset: null } })
})

test('A client that resets its connection during an upgrade does not affect the server', async () => {
  const { port } = new URL(server.url)
  for (let i = 0; i < 200; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('GET /elsewhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    socket.resetAndDestroy()
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
})

test('An upgrade to HTTP/2 is ignored, as clients that offer it with every request expect', async () => {
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const body = JSON.stringify({ query: `{ dataset(id: "${dataset}") { id } }` })
  const offer = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__'
  const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\n${offer}\r\nauthorization: Bearer ${key}`
  for (let i = 0; i < 2; i++) {
    socket.write(`${head}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`)
    socket.write(body)
    let answer = ''
    while (!answer.includes(dataset)) answer += (await once(socket, 'data'))[0]
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
  }
})

test('A WebSocket on another path is rejected', async () => {
  await expect(open(['graphql-transport-ws'], '/elsewhere')).rejects.toThrow(/404/)
})
