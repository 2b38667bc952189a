import { getIntrospectionQuery } from 'graphql'
import { afterAll, describe, expect } from 'vitest'
import { BOMBS } from '../support/bombs.ts'
import { freshDatabase } from '../support/database.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { TRANSPORTS } from '../support/transports.ts'

let server: TestServer
let small: TestServer
let dataset: string
let report: string
/** Streams of the small server. */
let own: { dataset: string; report: string }

test.beforeAll(async ({ server: shared }) => {
  server = shared
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
  const least = { MAX_DEPTH: '2', MAX_ALIASES: '1', MAX_DIRECTIVES: '1', MAX_TOKENS: '30', MAX_COST: '3' }
  const env = await freshDatabase()
  {
    await using before = await startServer(env)
    const organization = await newOrganization(before)
    own = { dataset: await newDataset(before, organization), report: await newReport(before, organization) }
  }
  small = await startServer({ ...env, ...least, MAX_BODY_BYTES: '1000' })
})
afterAll(async () => {
  await small[Symbol.asyncDispose]()
})

describe.each(TRANSPORTS)('Over %s', (_, send) => {
  test.each(BOMBS)('$name: rejected with $code', async ({ body, code }) => {
    expect(await send(server.url, server.rootKey, body)).toBe(code)
  })

  test.each([
    ['MAX_DEPTH', '{ __typename report(id: "$report") { snapshot { cursor } } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['MAX_ALIASES', '{ a: __schema { __typename } b: __schema { __typename } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['MAX_DIRECTIVES', '{ __typename @skip(if: false) @include(if: true) }', 'GRAPHQL_VALIDATION_FAILED'],
    ['MAX_TOKENS', `{ ${'__typename '.repeat(31)} }`, 'GRAPHQL_PARSE_FAILED'],
    ['MAX_COST', '{ a: __typename b: __typename c: __typename d: __typename }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('%s can be set', async (_, query, code) => {
    const body = JSON.stringify({ query: query.replace('$report', report) })
    expect(await send(small.url, small.rootKey, body)).toBe(code)
    expect(await send(server.url, server.rootKey, body)).not.toBe('GRAPHQL_VALIDATION_FAILED')
  })
})

test('An operation that a variable made too large still runs with other variables', async () => {
  const query = `query ($n: Int) { workerEvents(datasetId: "${dataset}", first: $n) { nodes { id } } }`
  for (const n of [1_000_000, 5, 1_000_000, null, 1_000]) {
    const { errors } = await server.graphql(query, { n })
    expect(errors?.[0]?.extensions.code).toBe(n === 1_000_000 ? 'GRAPHQL_VALIDATION_FAILED' : undefined)
  }
})

test('An error in variables is reported once, and shortened', async () => {
  const query = `mutation ($e: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: "${dataset}", events: $e) {
    results { seq } } }`
  const unknown = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`member${i}`, i]))
  for (const [event, problem] of [
    [{ eventType: 'ETL_STARTED', ...unknown }, 'e[1]": Field "member0" is not defined by type "WorkerEventInput".'],
    [{ eventType: 'ETL_STARTED', id: 'x'.repeat(5_000) }, 'e[1].id": Value is not a valid UUID'],
    [{ eventData: unknown }, 'e[1]": Field "eventType" of required type "WorkerEventType!" was not provided.'],
  ] as const) {
    const { errors = [] } = await server.graphql(query, { e: [{ eventType: 'ETL_STARTED' }, event, event] })
    expect(errors).toMatchObject([{ message: expect.stringContaining(problem) }])
    expect(errors[0]?.message.length).toBeLessThan(700)
  }
})

test('Some of many invalid list items are reported', async () => {
  const query = `mutation ($e: [ReportEventInput!]!) { recordReportEvents(reportId: "${report}", events: $e) {
    results { seq } } }`
  const node = { excludedLlmMetadataKeys: Array(50).fill('\0') }
  const { errors } = await server.graphql(query, {
    e: [{ blockUpdate: { block: { idx: 1, template: '', sources: [{ node }] } } }],
  })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(errors?.[0]?.message.match(/must not contain/g)).toHaveLength(5)
})

test('Payloads and vectors are limited only by the size of an event', async () => {
  const members = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`m${i}`, 0]))
  const events = [members, Array(200_000).fill(0)].map((eventData) => ({ eventType: 'ETL_STARTED', eventData }))
  expectData(
    await server.graphql(
      'mutation ($d: UUID!, $e: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $d, events: $e) { ' +
        'results { seq } } }',
      { d: dataset, e: events },
    ),
  )
  const block = { idx: 1, template: '', sources: [{ node: { embedding: Array(20_000).fill(0.5) } }] }
  expectData(
    await server.graphql(
      'mutation ($r: UUID!, $e: [ReportEventInput!]!) { recordReportEvents(reportId: $r, events: $e) { ' +
        'results { seq } } }',
      { r: report, e: [{ blockUpdate: { block } }] },
    ),
  )
})

test('GraphiQL can query the whole schema, and any key all fields of the longest page', async () => {
  expectData(await server.graphql(getIntrospectionQuery({ descriptions: true, oneOf: true })))
  const node = '{ id datasetId organizationId seq eventType eventData eventDataText createdAt }'
  const source = '{ score node { id text metadata relationships } }'
  const item = `{ ... on ReportEventItem { id seq message timestamp eventData } ... on BlockUpdateEvent { block {
    idx template sources ${source} } } }`
  expectData(
    await server.graphql(`{
      workerEvents(datasetId: "${dataset}", first: 1000) { totalCount pageInfo { endCursor } edges {
      cursor node ${node} } }
      workerEventPage(datasetId: "${dataset}", pageSize: 10000) { events ${node} eventTypes }
      reportEvents(reportId: "${report}", last: 1000) { edges { cursor node ${item} } nodes ${item} }
    }`),
  )
})

test('The legacy routes run trusted documents, which have no document limits', async () => {
  const headers = {
    authorization: `Bearer ${small.rootKey}`,
    'tr-dataset': own.dataset,
    'content-type': 'application/json',
  }
  const init = { method: 'POST', headers, body: '{"page_size":10000}' }
  expect((await fetch(`${small.url}/api/dataset/events`, init)).status).toBe(200)
  expect((await fetch(`${small.url}/api/v1/reports/${own.report}/events`, { headers })).status).toBe(200)
})

describe('A body', () => {
  const body = (length: number) => `{"query":"{__typename}","variables":{"x":"${'x'.repeat(length)}"}}`
  const post = (text: string, path = '/graphql') =>
    fetch(`${small.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${small.rootKey}`,
        'content-type': 'application/json',
        'tr-dataset': own.dataset,
      },
      body: text,
    })

  test('above MAX_BODY_BYTES is rejected', async () => {
    expect((await post(body(900))).status).toBe(200)
    const response = await post(body(1_000))
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'REQUEST_ENTITY_TOO_LARGE' } }] })
    expect((await post(`{"x":"${'x'.repeat(1_000)}"}`, '/api/dataset/events')).status).toBe(400)
  })

  test.each([
    ['no key', {}],
    ['an unknown one', { authorization: 'Bearer nobody' }],
  ])('above 16 KiB is rejected with %s, of known length or not', async (_, authorization) => {
    const headers = { ...authorization, 'content-type': 'application/json' }
    const send = (text: string, init: RequestInit) =>
      fetch(`${server.url}/graphql`, { method: 'POST', headers, body: text, ...init })
    const chunked = (text: string) => send('', { body: new Blob([text]).stream(), duplex: 'half' } as RequestInit)
    for (const post of [(text: string) => send(text, {}), chunked]) {
      expect(await (await post(body(16_000))).json()).toEqual({ data: { __typename: 'Query' } })
      const response = await post(body(17_000))
      expect(response.status).toBe(413)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'REQUEST_ENTITY_TOO_LARGE' } }] })
    }
  })

  test('with several operations is rejected', async () => {
    const response = await post('[{"query":"{__typename}"},{"query":"{__typename}"}]')
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
  })
})
