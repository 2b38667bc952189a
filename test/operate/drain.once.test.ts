import { once } from 'node:events'
import { createClient } from 'graphql-sse'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { freshDatabase } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { raw, request, upgrade } from '../support/raw.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { serverAt, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const KEY = 'test-root-api-key'
const QUERY = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq } }
}`
const NOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor node { seq } } }'
const events = (n: number) => Array.from({ length: n }, () => ({ eventType: 'ETL_STARTED' }))

test('SIGTERM closes sockets with 1001, aborts server-sent events, and a reader resumes elsewhere', async () => {
  const env = await freshDatabase()
  const first = await serve(env)
  const server = serverAt(first.url)
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, events(3))
  const readers = [overWebSocket, overSse].map((subscribe) => subscribe(first.url, KEY, QUERY, { id: dataset }))
  const cursors = await Promise.all(readers.map(async (reader) => (await reader.take(3)).at(-1)?.cursor))
  // No events yet; the start position is known.
  const idle = [overWebSocket, overSse].map((subscribe) => subscribe(first.url, KEY, NOW, { id: dataset }))
  expect(await Promise.all(idle.map((reader) => reader.start()))).toEqual(cursors)
  // A silent client does not delay the others.
  const silent = new WebSocket(`${first.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => silent.terminate())
  await once(silent, 'open')
  silent.pause()
  first.child.kill('SIGTERM')
  expect(await Promise.all([...readers, ...idle].map((reader) => reader.failure()))).toEqual([
    1001,
    'broken off',
    1001,
    'broken off',
  ])
  expect(await first.exited).toBe(0)

  const second = await serve(env)
  onTestFinished(() => void second.child.kill('SIGKILL'))
  await recordWorkerEvents(serverAt(second.url), dataset, events(2))
  for (const [index, subscribe] of [overWebSocket, overSse].entries()) {
    const reader = subscribe(second.url, KEY, QUERY, { id: dataset, after: cursors[index] })
    expect((await reader.take(2)).map(({ node }) => node.seq)).toEqual([4, 5])
    await reader.end()
  }
  second.child.kill('SIGTERM')
  expect(await second.exited).toBe(0)
})

test('What arrives during a stop does not delay it: sockets are refused, connections end', async () => {
  const server = await serve(await freshDatabase())
  onTestFinished(() => void server.child.kill('SIGKILL'))
  const body = JSON.stringify({ query: '{ __typename }' })
  const slow = await raw(server.url)
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', expect: '100-continue' }
  slow.send(request('/graphql', headers, body).slice(0, -1))
  await slow.read(/ 100 Continue/)
  const [late, busy, other] = [await raw(server.url), await raw(server.url), await raw(server.url)]
  // Until then, connections stay open.
  other.send(request('/healthz'))
  expect(await other.read(/\r\n\r\n/)).toMatch(/^connection: keep-alive\r$/im)
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  server.child.kill('SIGTERM')
  expect(await once(socket, 'close')).toContain(1001)
  late.send(upgrade('/graphql'))
  const refused = await late.read(/\r\n\r\n/)
  expect(refused).toMatch(/^HTTP\/1.1 503 /)
  expect(refused).toMatch(/^retry-after: 1\r$/m)
  expect(refused).toMatch(/^connection: close\r$/m)
  busy.send(request('/healthz'))
  expect(await busy.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 200 (?:.+\r\n)*connection: close\r$/im)
  await until(() => busy.socket.readableEnded)
  slow.send(body.slice(-1))
  expect(await slow.read(/__typename/)).toMatch(/^HTTP\/1.1 200 (?:.+\r\n)*connection: close\r$/im)
  expect(await server.exited).toBe(0)
})

test('The graphql-sse client reads a subscription to its end, and a query', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, events(2))
  const client = createClient({
    url: `${server.url}/graphql`,
    headers: { authorization: `Bearer ${KEY}` },
    retryAttempts: 0,
  })
  onTestFinished(() => client.dispose())
  const seqs: number[] = []
  for await (const { data, errors } of client.iterate<{ workerEvents: { node: { seq: number } } }>({
    query: QUERY,
    variables: { id: dataset },
  })) {
    expect(errors).toBeUndefined()
    seqs.push(data?.workerEvents.node.seq ?? 0)
    if (seqs.length === 2) break
  }
  expect(seqs).toEqual([1, 2])
  for await (const result of client.iterate({ query: '{ __typename }' }))
    expect(result).toEqual({ data: { __typename: 'Query' } })
  await server.followers(0)
})
