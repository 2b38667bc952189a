import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, type TestContext } from 'vitest'
import WebSocket from 'ws'
import { positionIn } from '../support/cursor.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'

let server: TestServer
let query: string
let report: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  const organization = await newOrganization(server)
  query = `subscription { workerEvents(datasetId: "${await newDataset(server, organization)}") { cursor } }`
  report = await newReport(server, organization)
})

// Concurrent tests need their own `onTestFinished`.
type OnEnd = TestContext['onTestFinished']

/** Lines of a stream of server-sent events, until this many of them are comments. */
async function untilComments(onEnd: OnEnd, count: number, path: string, init: RequestInit): Promise<string[]> {
  const leaving = new AbortController()
  onEnd(() => leaving.abort())
  const headers = { authorization: `Bearer ${server.rootKey}`, accept: 'text/event-stream', ...init.headers }
  const response = await fetch(`${server.url}${path}`, { ...init, headers, signal: leaving.signal })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk)
    const lines = text.split('\n')
    if (lines.filter((line) => line === ':').length >= count) return lines
  }
  throw new Error(`Ended after ${JSON.stringify(text)}`)
}

async function subscribed(onEnd: OnEnd, options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options)
  onEnd(() => socket.terminate())
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.rootKey}` } }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
  return socket
}

// They wait for real time to pass, concurrently.
test.concurrent('An idle subscription over server-sent events sends heartbeats', async ({ onTestFinished }) => {
  const body = JSON.stringify({ query })
  const headers = { 'content-type': 'application/json' }
  expect(await untilComments(onTestFinished, 1, '/graphql', { method: 'POST', body, headers })).toContainEqual(
    expect.stringMatching(/^id: /),
  )
})

test.concurrent('An idle stream of a report sends heartbeats', async ({ onTestFinished }) => {
  await untilComments(onTestFinished, 2, `/api/v1/reports/${report}/events`, {})
})

test.concurrent('An idle socket is pinged, and remains open while it responds', async ({ onTestFinished }) => {
  const socket = await subscribed(onTestFinished)
  await once(socket, 'ping')
  await once(socket, 'ping')
  expect(socket.readyState).toBe(socket.OPEN)
})

test.concurrent('A socket that does not respond to pings is closed', async ({ onTestFinished }) => {
  const socket = await subscribed(onTestFinished, { autoPong: false })
  const [code] = await once(socket, 'close')
  expect(code).toBe(1006)
})

test.concurrent('A subscription whose filter leaves out an event reports its position', async ({ onTestFinished }) => {
  const dataset = await newDataset(server, await newOrganization(server))
  const filtered = `subscription { workerEvents(datasetId: "${dataset}", types: [ETL_FAILED]) { cursor } }`
  const subscription = overWebSocket(server.url, server.rootKey, filtered, {})
  onTestFinished(() => subscription.end())
  await subscription.start()
  await recordWorkerEvents(server, dataset, [{ eventType: 'FILE_UPLOADED' }])
  expect(positionIn(await subscription.position())).toBe(1)
})

test.concurrent('A request with incomplete headers times out', async ({ onTestFinished }) => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n')
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1.1 408 /)
  await once(socket, 'close')
})
