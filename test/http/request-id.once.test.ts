import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { newDataset, newOrganization } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let quiet: TestServer
let dataset: string

beforeAll(async () => {
  server = await startServer({ LOG_LEVEL: 'debug' })
  quiet = await startServer({ LOG_LEVEL: 'info', REQUESTS_PER_MINUTE: '1' })
  dataset = await newDataset(server, await newOrganization(server))
})
afterAll(async () => {
  await quiet[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function ask(path: string, { headers, ...init }: RequestInit = {}, at = server): Promise<Response> {
  const usual = { authorization: `Bearer ${at.rootKey}`, 'content-type': 'application/json' }
  return fetch(`${at.url}${path}`, { ...init, headers: { ...usual, ...headers } })
}

const post = (path: string, body: string, headers = {}) => ask(path, { method: 'POST', body, headers })
const QUERY = '{"query":"query Greeting { __typename }"}'

/** The log lines of a call, once there is one. */
async function lines(ids: object) {
  const found = () => server.log.filter((line) => Object.entries(ids).every(([name, value]) => line[name] === value))
  await until(() => found().length > 0)
  return found()
}

describe('Every response has an id, that of the client if it is valid', () => {
  test.each<[what: string, act: (headers: object) => Promise<Response>, line: object]>([
    [
      'GraphQL',
      (headers) => post('/graphql', QUERY, headers),
      { transport: 'graphql', outcome: 'ok', operation: 'query Greeting' },
    ],
    [
      'an error',
      (headers) => post('/graphql', '{"query":"{"}', headers),
      { transport: 'graphql', outcome: 'GRAPHQL_PARSE_FAILED' },
    ],
    [
      'server-sent events',
      (headers) => post('/graphql', QUERY, { accept: 'text/event-stream', ...headers }),
      { transport: 'sse' },
    ],
    [
      "Trieve's route",
      (headers) => post('/api/dataset/events', '{}', { 'tr-dataset': dataset, ...headers }),
      { transport: 'trieve', outcome: 'ok', operation: expect.stringMatching(/^query Trieve/) },
    ],
    [
      "LlamaCloud's route",
      (headers) => ask('/api/v1/reports/x/events', { headers: { ...headers } }),
      { transport: 'llamacloud' },
    ],
    ['health', (headers) => ask('/readyz', { headers: { ...headers } }), { transport: 'other', outcome: 'ok' }],
    [
      'an unknown path',
      (headers) => ask('/nowhere', { headers: { ...headers } }),
      { transport: 'other', outcome: 'NOT_FOUND' },
    ],
    [
      'GraphiQL',
      (headers) => ask('/graphql', { headers: { accept: 'text/html', ...headers } }),
      { transport: 'other' },
    ],
  ])('%s, and the log contains it', async (what, act, line) => {
    const requestId = `mine:${Buffer.from(what).toString('hex')}`
    expect((await act({ 'x-request-id': requestId })).headers.get('x-request-id')).toBe(requestId)
    expect(await lines({ requestId })).toMatchObject([{ level: 20, msg: 'answered', ms: expect.any(Number), ...line }])
    const made = (await act({})).headers.get('x-request-id')
    expect(made).toMatch(UUID)
    expect(await lines({ requestId: made })).toHaveLength(1)
  })

  test.each(['x'.repeat(129), 'with blank', 'ä', ''])('%j is not valid', async (id) => {
    expect((await ask('/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toMatch(UUID)
  })

  test('128 characters are valid', async () => {
    const id = '~'.repeat(128)
    expect((await ask('/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id)
  })

  test('a response to a malformed request has one, and two of a client are invalid', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write('GET / HTTP/1.1\r\nhost: [\r\nx-request-id: a\r\nconnection: close\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 .*\r\nx-request-id: a\r\n/)
    const two = connect(Number(port), hostname)
    two.write('GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\nx-request-id: b\r\nconnection: close\r\n\r\n')
    expect(await text(two)).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/)
  })

  test('web pages of allowed origins can read it', async () => {
    await using open = await startServer({ CORS_ORIGINS: '*' })
    const headers = { origin: 'https://app.example' }
    for (const path of ['/graphql?query={__typename}', '/api/v1/reports/x/events'])
      expect((await ask(path, { headers }, open)).headers.get('access-control-expose-headers')).toContain(
        'x-request-id',
      )
  })
})

describe('A WebSocket has an id', () => {
  async function handshake(
    path: string,
    headers = {},
  ): Promise<{ socket: WebSocket; opened: Promise<unknown>; id: unknown; status?: number }> {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers })
    const opened = once(socket, 'open').catch(() => undefined)
    const [response] = await Promise.race([
      once(socket, 'upgrade'),
      once(socket, 'unexpected-response').then(([, answer]) => [answer]),
    ])
    return { socket, opened, id: response.headers['x-request-id'], status: response.statusCode }
  }

  test('that of the request which opened it, and its operations have the ids of the client', async () => {
    const { socket, opened, id } = await handshake('/graphql', { 'x-request-id': 'my-socket' })
    expect(id).toBe('my-socket')
    await opened
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.rootKey}` } }))
    await once(socket, 'message')
    for (const operationId of ['op-1', 'with blank'])
      socket.send(JSON.stringify({ id: operationId, type: 'subscribe', payload: { query: 'query Q { __typename }' } }))
    const line = { level: 20, transport: 'websocket', operation: 'query Q', outcome: 'ok', msg: 'answered' }
    expect(await lines({ socketId: 'my-socket', operationId: 'op-1' })).toMatchObject([line])
    expect(await lines({ socketId: 'my-socket', operationId: undefined })).toMatchObject([line])
    socket.close()
    expect(await lines({ socketId: 'my-socket', code: 1005 })).toHaveLength(1)
  })

  test('also when it is rejected', async () => {
    expect(await handshake('/nowhere', { 'x-request-id': 'no-socket' })).toMatchObject({ id: 'no-socket', status: 404 })
    expect(await handshake('/graphql', { origin: 'https://foreign.example' })).toMatchObject({
      id: expect.stringMatching(UUID),
      status: 403,
    })
  })
})

test('By default the log has no line per call, not even for rejected calls', async () => {
  for (const status of [200, 429]) expect((await ask('/graphql?query={__typename}', {}, quiet)).status).toBe(status)
  expect(quiet.log.filter(({ msg }) => msg === 'answered')).toEqual([])
})
