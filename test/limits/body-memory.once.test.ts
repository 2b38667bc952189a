import { connect, type Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

/** Memory share of one caller: the server runs in this process. */
const SHARE = Math.floor(Math.floor(getHeapStatistics().heap_size_limit / 4) / 4)

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer({ MAX_BODY_BYTES: '500000000' })
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Starts to send a body, and does not continue. */
function begin(key: string, framing: string): Socket {
  const { port, hostname } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  const headers = ['Host: x', 'Content-Type: application/json', `Authorization: Bearer ${key}`, framing]
  socket.write(['POST /graphql HTTP/1.1', ...headers, '', ''].join('\r\n'))
  return socket
}

function post(key: string, path = '/graphql', dataset = ''): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'tr-dataset': dataset }
  return fetch(`${server.url}${path}`, { method: 'POST', headers, body: '{"query":"{ __typename }"}' })
}

test('A body counts toward the memory of its caller from its first byte until it is parsed', async () => {
  const dataset = await newDataset(server, organization)
  const [key, other] = [await newKey(server, organization), await newKey(server, await newOrganization(server))]
  const slow = begin(key, `Content-Length: ${SHARE}`)
  await until(async () => (await post(key)).status === 429)
  const rejected = await post(key)
  expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await rejected.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] })
  expect((await post(key, '/api/dataset/events', dataset)).status).toBe(429)
  expect((await post(other)).status).toBe(200)
  slow.destroy()
  await until(async () => (await post(key)).status === 200)
  expect((await post(key, '/api/dataset/events', dataset)).status).toBe(200)
})

test('However much memory many organizations hold, another one has room for small requests', async () => {
  const newcomer = async () => newKey(server, await newOrganization(server))
  // Each a quarter of the total.
  const keys = await Promise.all(Array.from({ length: 4 }, newcomer))
  const other = await newcomer()
  let rejected = 0
  const sockets = keys.map((key) => begin(key, `Content-Length: ${SHARE}`).once('data', () => rejected++))
  const holding = async () => (await Promise.all(keys.map((key) => post(key)))).filter(({ status }) => status === 429)
  await until(async () => (await holding()).length + rejected === 4)
  expect((await post(other)).status).toBe(200)
  for (const socket of sockets) socket.destroy()
  await until(async () => (await holding()).length === 0)
})

test('A body larger than the memory of a caller is rejected before it is read', async () => {
  const socket = begin(await newKey(server, organization), `Content-Length: ${SHARE + 1}`)
  const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
  expect(answer).toContain('413')
  // It would fit the limit of bodies.
  expect(answer).toContain(`more than ${SHARE} bytes of memory`)
})
