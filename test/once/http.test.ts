import { once } from 'node:events'
import { request as send } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'

const BODY = JSON.stringify({ query: '{ __typename }' })

/** Sends a request as it is written, and reads the response until the server closes. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(text)
  let response = ''
  socket.on('data', (data) => {
    response += data
  })
  await once(socket, 'close')
  return response
}

test('A target in absolute form is the same as its path', async ({ server }) => {
  const { host } = new URL(server.url)
  const headers = `host: ${host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}`
  expect(await raw(server.url, `POST http://${host}/graphql HTTP/1.1\r\n${headers}\r\n\r\n${BODY}`)).toMatch(
    /^HTTP\/1.1 200 [\s\S]*"__typename":"Query"/,
  )
  expect(
    await raw(server.url, `GET HTTP://${host}/healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
  ).toMatch(/^HTTP\/1.1 200 /)
})

test('A WebSocket can be opened by a target in absolute form', async ({ server }) => {
  const { host, hostname, port } = new URL(server.url)
  const upgrade = send({
    hostname,
    port,
    path: `http://${host}/graphql`,
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'graphql-transport-ws',
    },
  }).end()
  const [{ statusCode }, socket] = await once(upgrade, 'upgrade')
  socket.destroy()
  expect(statusCode).toBe(101)
})

test('The media type of a body can be written in any case', async ({ server }) => {
  const headers = { 'content-type': 'Application/JSON; Charset=UTF-8' }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: BODY })
  expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
})

test('A compressed body is refused as what it is', async ({ server }) => {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: gzipSync(BODY) })
  expect(response.status).toBe(415)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
})

test('A health check of HTTP/1.0 needs no Host', async ({ server }) => {
  for (const path of ['/healthz', '/readyz'])
    expect(await raw(server.url, `GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 /)
})

test('Events for HTTP/1.0 come without chunks, and end with the connection', async ({ server }) => {
  const report = await newReport(server, await newOrganization(server))
  await recordReportEvents(server, report, [{ state: { message: 'done', state: 'COMPLETED' } }])
  const subscription = `subscription { reportEvents(reportId: "${report}", from: BEGINNING) { cursor } }`
  const paths = [
    `/api/v1/reports/${report}/events`,
    `/graphql?query=${encodeURIComponent(subscription)}`,
    '/graphql?query=%7B__typename%7D',
  ]
  for (const path of paths) {
    const headers = `accept: text/event-stream\r\nauthorization: Bearer ${server.rootKey}`
    const [head = '', body = ''] = (await raw(server.url, `GET ${path} HTTP/1.0\r\n${headers}\r\n\r\n`)).split(
      '\r\n\r\n',
    )
    expect(head).toMatch(/^HTTP\/1.1 200 [\s\S]*text\/event-stream/)
    expect(head).not.toMatch(/^(transfer-encoding|connection: keep-alive)/im)
    // A chunk begins with its length.
    expect(body).toMatch(/^(:|id:|event:)/)
  }
})

test('An idle connection stays open for longer than a minute, as balancers keep theirs', async ({ server }) => {
  const response = await fetch(`${server.url}/healthz`)
  await response.text()
  const [, seconds] = /timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '') ?? []
  expect(Number(seconds)).toBeGreaterThan(60)
})

test('An event stream goes on after a lastEventId in the address, and an empty Last-Event-ID is none', async ({
  server,
}) => {
  const dataset = await newDataset(server, await newOrganization(server))
  const [first] = await recordWorkerEvents(server, dataset, Array(2).fill({ eventType: 'ETL_STARTED' }))
  const query = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { node { seq } } }`
  const firstSeq = async (search: string, headers: Record<string, string> = {}) => {
    const leaving = new AbortController()
    const url = `${server.url}/graphql?query=${encodeURIComponent(query)}${search}`
    const authorization = `Bearer ${server.rootKey}`
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', authorization, ...headers },
      signal: leaving.signal,
    })
    let text = ''
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += new TextDecoder().decode(chunk)
      if (text.includes('"seq":')) break
    }
    leaving.abort()
    return /"seq":(\d+)/.exec(text)?.[1]
  }
  expect(await firstSeq(`&lastEventId=${first?.cursor}`)).toBe('2')
  expect(await firstSeq('', { 'last-event-id': '' })).toBe('1')
})

test('A page of an app or an extension may be listed in CORS_ORIGINS, and no pattern of hosts', () => {
  for (const origin of ['capacitor://localhost', 'tauri://localhost', `chrome-extension://${'a'.repeat(32)}`])
    expect(readConfig({ CORS_ORIGINS: origin }).corsOrigins).toEqual([origin])
  for (const origin of ['https://*.app.example', 'file://x', 'capacitor:', 'https://app.example/'])
    expect(() => readConfig({ CORS_ORIGINS: origin })).toThrow(/CORS_ORIGINS/)
})
