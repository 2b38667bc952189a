import { once } from 'node:events'
import { request as send } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { EventSource } from 'eventsource'
import { expect, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { ASK } from '../support/transports.ts'

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

test('A target in absolute form equals its path', async ({ server }) => {
  const { host } = new URL(server.url)
  const headers =
    `host: ${host}\r\nconnection: close\r\n` + `content-type: application/json\r\ncontent-length: ${BODY.length}`
  expect(await raw(server.url, `POST http://${host}/graphql HTTP/1.1\r\n${headers}\r\n\r\n${BODY}`)).toMatch(
    /^HTTP\/1.1 200 [\s\S]*"__typename":"Query"/,
  )
  expect(
    await raw(server.url, `GET HTTP://${host}/healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
  ).toMatch(/^HTTP\/1.1 200 /)
})

test('A WebSocket can be opened by a target in absolute form, and as one of several protocols', async ({ server }) => {
  const { host, hostname, port } = new URL(server.url)
  const upgrade = send({
    hostname,
    port,
    path: `http://${host}/graphql`,
    headers: {
      connection: 'upgrade',
      upgrade: 'h2c, WebSocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'graphql-transport-ws',
    },
  }).end()
  const [{ statusCode }, socket] = await once(upgrade, 'upgrade')
  socket.destroy()
  expect(statusCode).toBe(101)
})

test('The media type of a body can be written in any case, with parameters', async ({ server }) => {
  for (const type of ['Application/JSON; Charset=UTF-8', 'application/json ; charset="utf-8"']) {
    const headers = { 'content-type': type }
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: BODY })
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  }
})

test('What a client accepts is read by its grammar', async ({ server }) => {
  const authorization = `bEARER ${server.rootKey}`
  const ask = (accept: string, search = '?query={__typename}', path = '/graphql') =>
    fetch(`${server.url}${path}${search}`, { headers: { accept, authorization } })
  const graphql = 'application/graphql-response+json'
  for (const [accept, expected] of [
    [`application/json;q=0, ${graphql}`, graphql],
    [`application/json;q=0.5, ${graphql}`, graphql],
    ['Application/GraphQL-Response+JSON;Charset="UTF-8"', graphql],
    [`${graphql};q=0.9;x="a,b;q=0", application/json;q=0.1`, graphql],
    ['text/html;q=0, application/json', 'application/json'],
    ['*/*, application/json;q=0', graphql],
    ['*/*, text/event-stream;q=0', 'application/json'],
  ] as const) {
    const response = await ask(accept)
    expect([accept, response.headers.get('content-type')]).toEqual([accept, `${expected}; charset=utf-8`])
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  }
  const organization = await newOrganization(server)
  const [dataset, report] = [await newDataset(server, organization), await newReport(server, organization)]
  const query = encodeURIComponent(`subscription { workerEvents(datasetId: "${dataset}") { cursor } }`)
  for (const [accept, status] of [
    ['text/event-stream;q=0, application/json', 406],
    ['*/*, text/event-stream;q=0', 406],
    ['application/*, */*;q=0', 406],
    ['text/*;q=0, */*', 406],
    ['text/*;q=0, text/event-stream', 200],
    ['application/json;q=0, */*;q=0.1', 200],
  ] as const) {
    const response = await ask(accept, `?query=${query}`)
    await response.body?.cancel()
    expect([accept, response.status]).toEqual([accept, status])
  }
  const list = await ask('text/event-stream;q=0, application/json', '', `/api/v1/reports/${report}/events`)
  expect(await list.json()).toEqual([])
})

test('A copy that a client has is recognized in a list of tags, and when a proxy has made its tag weak', async ({
  server,
}) => {
  const etag = (await fetch(`${server.url}/openapi.json`)).headers.get('etag') ?? ''
  for (const [tags, status] of [
    [etag, 304],
    [`"other", W/${etag}`, 304],
    ['*', 304],
    ['"other"', 200],
  ] as const)
    expect((await fetch(`${server.url}/openapi.json`, { headers: { 'if-none-match': tags } })).status).toBe(status)
})

test('An empty operation name is none, over every transport', async ({ server }) => {
  const body = { query: 'query A { __typename }', operationName: '' }
  for (const [name, ask] of ASK)
    expect([name, await ask(server.url, server.rootKey, JSON.stringify(body))]).toMatchObject([
      name,
      { data: { __typename: 'Query' } },
    ])
  const search = new URLSearchParams(body)
  expect(await (await fetch(`${server.url}/graphql?${search}`)).json()).toEqual({ data: { __typename: 'Query' } })
})

test('A compressed body is rejected with 415', async ({ server }) => {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: gzipSync(BODY) })
  expect(response.status).toBe(415)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
})

test('A body of an unknown type is rejected with 415', async ({ server }) => {
  const headers = { 'content-type': 'text/xml' }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: BODY })
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

test('An idle connection stays open for longer than a minute, as load balancers keep theirs', async ({ server }) => {
  const response = await fetch(`${server.url}/healthz`)
  await response.text()
  const [, seconds] = /timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '') ?? []
  expect(Number(seconds)).toBeGreaterThan(60)
})

test('An event stream resumes from lastEventId in the URL, and an empty Last-Event-ID is ignored', async ({
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
  expect(await firstSeq(`&note=a?b&lastEventId=${first?.cursor}`)).toBe('2')
  expect(await firstSeq('', { 'last-event-id': '' })).toBe('1')
})

test('An EventSource that is cut off before its first event misses none', async ({ server }) => {
  await using proxy = await tcpProxy(server.url)
  const dataset = await newDataset(server, await newOrganization(server))
  const query = `subscription { workerEvents(datasetId: "${dataset}") { node { seq } } }`
  const source = new EventSource(`${proxy.url}graphql?query=${encodeURIComponent(query)}`, {
    fetch: (url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.rootKey}` } }),
  })
  onTestFinished(() => source.close())
  const next = once(source, 'next')
  const [begun] = await once(source, 'message')
  expect(begun).toMatchObject({ data: '', lastEventId: expect.stringMatching(/./) })
  await proxy.cut()
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  await proxy.restore()
  const [{ data }] = await next
  expect(JSON.parse(data)).toEqual({ data: { workerEvents: { node: { seq: 1 } } } })
})

test('CORS_ORIGINS can list origins of apps and extensions, but no host patterns', () => {
  for (const origin of ['capacitor://localhost', 'tauri://localhost', `chrome-extension://${'a'.repeat(32)}`])
    expect(readConfig({ CORS_ORIGINS: origin }).corsOrigins).toEqual([origin])
  for (const origin of ['https://*.app.example', 'file://x', 'capacitor:', 'https://app.example/'])
    expect(() => readConfig({ CORS_ORIGINS: origin })).toThrow(/CORS_ORIGINS/)
})
