import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTracing } from '../../src/observability/tracing.ts'
import { freshDatabase } from '../support/database.ts'
import { type Process, serve, tidemark } from '../support/process.ts'
import { newDataset, newOrganization, newReport, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { graphql, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'

interface Span {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: { key: string; value: Record<string, unknown> }[]
  status: { code?: number }
}

interface Export {
  resourceSpans: { resource: { attributes: Span['attributes'] }; scopeSpans: { spans: Span[] }[] }[]
}

const KEY = 'test-root-api-key'
const SECRET = 'sEcReT'
const traceId = (n: number) => `0af7651916cd43dd8448eb211c8031${n}`
const parent = 'b7ad6b7169203331'

let sent: { url?: string; type?: string; body: string }[]
let process: Process & { url: string }
let spans: Span[]

/** Runs some calls on a server and stops it: by then all traces have been exported. */
beforeAll(async () => {
  sent = []
  const collector = createServer(async (request: IncomingMessage, response) => {
    sent.push({ url: request.url, type: request.headers['content-type'], body: await text(request) })
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  process = await serve({
    ...(await freshDatabase()),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_SERVICE_NAME: 'my-tidemark',
    LOG_LEVEL: 'debug',
  })
  const { url } = process
  const server = {
    url,
    graphql: (query: string, variables?: object) => graphql(url, query, variables, KEY),
  } as TestServer
  const organization = await newOrganization(server)
  const [dataset, report] = [await newDataset(server, organization), await newReport(server, organization)]
  const headers = (n: number, flags = '01') => ({
    'content-type': 'application/json',
    authorization: `Bearer ${KEY}`,
    'tr-dataset': dataset,
    'x-request-id': `request-${n}`,
    traceparent: `00-${traceId(n)}-${parent}-${flags}`,
  })
  const post = (path: string, body: object, n: number, flags?: string) =>
    fetch(`${url}${path}`, { method: 'POST', headers: headers(n, flags), body: JSON.stringify(body) }).then((r) =>
      r.text(),
    )
  const events = [{ eventType: 'ETL_STARTED', eventData: { it: SECRET } }]
  const query = RECORD_WORKER_EVENTS.replace('mutation', 'mutation Note')
  await post('/graphql', { query, variables: { id: dataset, events } }, 10)
  await post('/graphql', { query, variables: { id: dataset, events } }, 11, '00')
  await post('/api/dataset/events', {}, 12)
  await fetch(`${url}/api/v1/reports/${report}/events?last_sequence=0`, { headers: headers(13) })
  await post('/graphql', { query, variables: { id: SECRET, events } }, 14)
  await post('/graphql', { query: `{ workerEvents(datasetId: "${organization}", first: 1) { totalCount } }` }, 15)
  await fetch(`${url}/healthz`, { headers: headers(16) })
  const follow = 'subscription Follow($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor } }'
  const subscription = overWebSocket(url, KEY, follow, { id: dataset })
  await subscription.take(2)
  await subscription.end()
  process.child.kill('SIGTERM')
  expect(await process.exited).toBe(0)
  collector.close()
  spans = sent.flatMap(({ body }) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  )
})
afterAll(() => void process.child.kill('SIGKILL'))

const ofTrace = (n: number) => spans.filter((span) => span.traceId === traceId(n))
const attributes = (span?: Span) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]))
const root = (n: number) => ofTrace(n).find((span) => span.parentSpanId === parent)
const steps = (n: number) => ofTrace(n).filter((span) => span.parentSpanId === root(n)?.spanId)

describe('With OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  test('spans are sent to the collector as OTLP in JSON, under the name of the service', () => {
    expect(new Set(sent.map(({ url, type }) => `${url} ${type}`))).toEqual(new Set(['/v1/traces application/json']))
    const [first] = (JSON.parse(sent[0]?.body ?? '') as Export).resourceSpans
    expect(first?.resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'my-tidemark' } })
  })

  test('a request is part of the trace of its client, with its root fields and accesses to the log', () => {
    expect(root(10)?.name).toBe('POST /graphql')
    expect(attributes(root(10))).toEqual({
      'http.request.method': 'POST',
      'http.route': '/graphql',
      'graphql.operation.type': 'mutation',
      'graphql.operation.name': 'Note',
      'tidemark.request_id': 'request-10',
      'tidemark.transport': 'graphql',
    })
    expect(
      steps(10)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['Mutation.recordWorkerEvents', 'append', 'ownerOf'])
    expect(attributes(steps(10).find(({ name }) => name === 'append'))).toEqual({ 'tidemark.events': 1 })
    expect(ofTrace(10)).toHaveLength(4)
  })

  test('log lines contain the trace id', () => {
    const line = process.output.stderr.split('\n').find((text) => text.includes('"request-10"'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ msg: 'answered', traceId: traceId(10) })
  })

  test('a request that its client does not sample is not traced', () => {
    expect(ofTrace(11)).toEqual([])
  })

  test('legacy routes are traced, and health checks are not', () => {
    expect(root(12)?.name).toBe('POST /api/dataset/events')
    expect(new Set(steps(12).map(({ name }) => name))).toEqual(new Set(['findStream', 'numberedPage']))
    expect(root(13)?.name).toBe('GET /api/v1/reports/{report_id}/events')
    expect(new Set(steps(13).map(({ name }) => name))).toEqual(new Set(['findStream', 'page']))
    expect(ofTrace(16)).toEqual([])
  })

  test('rejections have their code, and are not server errors', () => {
    expect(attributes(root(14))['error.type']).toBe('BAD_USER_INPUT')
    expect(attributes(root(15))['error.type']).toBe('NOT_FOUND')
    expect(steps(15).map((span) => [span.name, attributes(span)['error.type']])).toEqual([
      ['findStream', undefined],
      ['Query.workerEvents', 'NOT_FOUND'],
    ])
    expect(spans.filter(({ status }) => status.code === 2)).toEqual([])
  })

  test('an operation over a WebSocket has its own trace, up to its first event', () => {
    const operation = spans.find(({ name }) => name === 'websocket operation')
    expect(attributes(operation)).toMatchObject({
      'graphql.operation.name': 'Follow',
      'tidemark.transport': 'websocket',
    })
    expect(
      spans
        .filter(({ traceId }) => traceId === operation?.traceId)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['findStream', 'follow', 'websocket operation'])
  })

  test('spans contain no key, payload or variable', () => {
    const all = sent.map(({ body }) => body).join('')
    expect([KEY, SECRET].filter((secret) => all.includes(secret))).toEqual([])
  })
})

test('An unreachable collector delays nothing, and is logged', async () => {
  const settings = { ...(await freshDatabase()), OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' }
  const server = await serve({ ...settings, OTEL_BSP_SCHEDULE_DELAY: '10' })
  expect(await graphql(server.url, '{ __typename }', {}, KEY)).toEqual({ data: { __typename: 'Query' } })
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  expect(server.output.stderr).toContain('traces')
})

test('An invalid URL of a collector stops the start', async () => {
  const { exited, output } = tidemark(['serve'], { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' })
  expect(await exited).toBe(1)
  expect(output.stderr).toContain('  OTEL_EXPORTER_OTLP_ENDPOINT must be the URL of an OTLP collector')
})

test('Without traces, OpenTelemetry is not loaded', async () => {
  const files = (await readdir('src', { recursive: true })).filter((file) => file.endsWith('.ts'))
  const loading: string[] = []
  for (const file of files)
    if (
      /^(import|export) (?!type).*('@opentelemetry|'\.[^']*\/tracing\.ts')/m.test(await readFile(`src/${file}`, 'utf8'))
    )
      loading.push(file)
  expect(loading).toEqual(['observability/tracing.ts'])
})

test.each([true, false])('The trace of a caller is joined only if propagators allow it: %s', async (joined) => {
  await using tracing = openTracing({ joined }, pino({ level: 'silent' }))
  const headers = { traceparent: `00-${traceId(99)}-${parent}-01` }
  expect(tracing.begin('GET /', headers, Date.now(), {})?.traceId === traceId(99)).toBe(joined)
})
