import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from './support/seed.ts'
import { startServer, type TestServer } from './support/server.ts'
import { overWebSocket } from './support/subscribe.ts'

let server: TestServer
let key: string
let dataset: string
const EVENTS = 300

beforeAll(async () => {
  server = await startServer({ SLOW_CONSUMER_SECONDS: '1' })
  const organization = await newOrganization(server)
  key = await newKey(server, organization)
  dataset = await newDataset(server, organization)
  // More than the sockets of both sides hold.
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

/** A request for server-sent events whose answer nobody reads until somebody does. */
async function unread(): Promise<{ socket: Socket; read: () => Promise<string> }> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const body = JSON.stringify({ query: QUERY, variables: { id: dataset } })
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const read = async () => {
    let text = ''
    for await (const chunk of socket) {
      text += chunk
      if (text.includes('event: complete')) break
    }
    return text
  }
  return { socket, read }
}

test('A reader that leaves events lying is ended with SLOW_CONSUMER and its cursor, and nobody else notices', async () => {
  const { read } = await unread()
  await server.followers(1)
  const other = overWebSocket(server.url, key, QUERY, { id: dataset })
  onTestFinished(() => other.end())
  expect(await other.take(EVENTS)).toHaveLength(EVENTS)
  // The slow one goes by itself, unread as it is; the other stays.
  await server.followers(1)
  const text = await read()
  const { errors } = JSON.parse(/^data: (\{"errors".*)$/m.exec(text)?.[1] ?? '{}')
  expect(errors).toMatchObject([{ extensions: { code: 'SLOW_CONSUMER', cursor: expect.any(String) } }])
  const seen = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.length).toBeLessThan(EVENTS)
  // From that cursor on, it gets the rest: none missing, none twice.
  const resumed = overWebSocket(server.url, key, QUERY, { id: dataset, after: errors[0].extensions.cursor })
  onTestFinished(() => resumed.end())
  const rest = (await resumed.take(EVENTS - seen.length)).map(({ node }) => node.seq)
  expect([...seen, ...rest]).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1))
})

test('A reader that does not even read that is cut off', async () => {
  const { socket } = await unread()
  await server.followers(1)
  await server.followers(0)
  // Reading nothing, it notices the broken connection by the socket's end alone.
  await expect(once(socket.resume(), 'close')).resolves.toBeDefined()
})
