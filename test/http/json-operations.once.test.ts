import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fc, test as property } from '@fast-check/vitest'
import { beforeAll, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { eventPage, type Operation, operation } from '../support/fuzz/documents.ts'
import { json } from '../support/fuzz/values.ts'
import { createWorld, type Fill } from '../support/fuzz/world.ts'
import { newDataset, recordWorkerEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'

// Operations in JSON bodies do not pass Yoga's own adapter, and those with this header do: both must answer alike.
const THROUGH_YOGA = { 'content-encoding': 'identity' }

const RUNS = { numRuns: process.env.LONG ? 5_000 : 150 }

const ACCEPT = fc.constantFrom(
  undefined,
  'application/json',
  'application/graphql-response+json',
  'application/graphql-response+json, application/json;q=0.9',
  'text/event-stream, application/json',
  'multipart/mixed, application/graphql-response+json',
  'text/event-stream',
  'text/html',
  'application/*;q=0.1, text/html',
  'application/json;q=0, */*',
  'constructor, __proto__',
)
const KEY = fc.constantFrom('read', 'read', 'admin', 'root', 'narrowed', 'revoked')

/** Operations that change nothing, so that the second answer is the same as the first. */
const reading = operation.filter((operation) => !/mutation|subscription/.test(JSON.stringify(operation)))

/** Parameters in place of those that an operation was accepted with. */
const ODD = fc.oneof(...['variables', 'operationName', 'extensions'].map((name) => fc.record({ [name]: json })))

let server: TestServer
let fill: Fill

beforeAll(async () => {
  server = await startServer({ GRAPHIQL: 'off' })
  fill = await createWorld(server)
  return () => server[Symbol.asyncDispose]()
})

async function ask(body: string, key: string, headers: Record<string, string | undefined>) {
  const given = {
    'content-type': 'application/json',
    authorization: `Bearer ${fill(`<${key}>`)}`,
    'x-request-id': 'same',
  }
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: JSON.parse(JSON.stringify({ ...given, ...headers })),
    body: fill(body),
  })
  const { date: _, ...answered } = Object.fromEntries(response.headers)
  return { status: response.status, headers: answered, body: await response.text() }
}

async function expectAlike(body: string, key = 'read', headers: Record<string, string | undefined> = {}) {
  const direct = await ask(body, key, headers)
  // What was accepted once is compiled when it is sent again.
  expect(await ask(body, key, headers)).toEqual(direct)
  expect(direct).toEqual(await ask(body, key, { ...headers, ...THROUGH_YOGA }))
  return direct
}

property.prop([reading, KEY, ACCEPT], RUNS)(
  'Any operation has the same response both ways',
  async (of, key, accept) => {
    await expectAlike(JSON.stringify(of), key, { accept })
  },
)

property.prop([eventPage], RUNS)('Any selection of events has the same response both ways', async (of) => {
  await expectAlike(JSON.stringify(of))
})

test('An object of which only fragments on other types are selected is empty both ways', async () => {
  const query = `{ workerEvents(datasetId: "<dataset>", first: 1) {
    nodes { data { ... on PagefindIndexingStartedData { text } } seq }
  } }`
  expect((await expectAlike(JSON.stringify({ query }))).body).toContain('"data":{},"seq"')
})

const PAGE = `query Page($id: UUID!, $first: Int) {
  workerEvents(datasetId: $id, first: $first) { edges { cursor node { id seq eventType eventData createdAt } }
  totalCount }
}`
const page = (first: unknown, more: Partial<Operation> = {}) =>
  JSON.stringify({ query: PAGE, variables: { id: '<dataset>', first }, ...more })

property.prop([ODD], RUNS)('An accepted page with any other parameter has the same response both ways', async (odd) => {
  await ask(page(1), 'read', {})
  await expectAlike(page(1, odd))
})

property.prop([fc.dictionary(fc.constantFrom('id', 'first', 'after', '__proto__'), json)], RUNS)(
  'An accepted page with any variables has the same response both ways',
  async (variables) => {
    const query = `query ($id: UUID, $first: Int! = 2, $after: String, $types: [WorkerEventType!] = [ETL_STARTED]) {
      workerEvents(datasetId: "<dataset>", first: $first, after: $after, types: $types) { nodes { id } }
      dataset(id: "<dataset>") { id }
      node(id: "x") { nodeId }
    }`
    await ask(JSON.stringify({ query }), 'read', {})
    await expectAlike(JSON.stringify({ query, variables }))
  },
)

test('A page, its limits and its errors have the same response both ways', async () => {
  const { status, headers, body } = await expectAlike(page(20))
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-request-id': 'same',
  })
  expect(JSON.parse(body).data.workerEvents.edges).toHaveLength(20)
  for (const accept of ['application/json', 'application/graphql-response+json'])
    for (const first of [-1, 1_001, 'x', null]) await expectAlike(page(first), 'read', { accept })
  for (const operationName of ['', 'Page', 'Other', 1]) await expectAlike(page(1, { operationName }))
  await expectAlike(page(1).replace('<dataset>', '<otherDataset>'))
})

test('Names of operations that an accepted document does not have are not kept', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = async (names: number) => {
    for (let i = 0; i < names; i++) {
      const { body } = await ask(page(1, { operationName: `${names}_${i}`.padEnd(1_000_000, '_') }), 'read', {})
      expect(body).toContain('Could not determine what operation')
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  await ask(page(1), 'read', {})
  const before = await used(5)
  expect((await used(60)) - before).toBeLessThan(30_000_000)
})

test.for([
  '',
  '[]',
  '[{"query":"{__typename}"}]',
  'null',
  '1',
  '{',
  '{"query":"{__typename}"',
  '\ufeff{"query":"{__typename}"}',
])('The body %j has the same response both ways', async (body) => {
  await expectAlike(body)
  await expectAlike(body, 'read', { accept: 'application/graphql-response+json' })
})

test('A body above the limit, too deep variables and unknown parameters have the same response', async () => {
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`
  expect((await expectAlike(' '.repeat(8_000_001))).status).toBe(413)
  expect((await expectAlike(`{"query":"{__typename}","variables":{"x":${deep}}}`)).body).toContain('BAD_USER_INPUT')
  await expectAlike('{"query":"{__typename}","nope":1}')
  await expectAlike('{"query":1}')
  await expectAlike('{"query":"{__typename}","variables":[1]}')
  await expectAlike('{"query":"{__typename}","__proto__":1}')
  await expectAlike('{}')
})

test.for(['constructor', '__proto__'])('Accept: %s is not acceptable both ways', async (accept) => {
  expect((await expectAlike('{"query":"{__typename}"}', 'read', { accept })).status).toBe(406)
})

test('A registered operation has the same response both ways', async () => {
  const query = '{ __typename }'
  const sha256Hash = createHash('sha256').update(query).digest('hex')
  const extensions = { persistedQuery: { version: 1, sha256Hash } }
  const named = JSON.stringify({ extensions })
  expect((await expectAlike(named)).body).toContain('PERSISTED_QUERY_NOT_FOUND')
  await expectAlike(JSON.stringify({ query, extensions }))
  expect((await expectAlike(named)).body).toBe('{"data":{"__typename":"Query"}}')
  await expectAlike(JSON.stringify({ query: '{ a: __typename }', extensions }))
})

test('A repeated append has the same response both ways', async () => {
  const query = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
    recordWorkerEvents(datasetId: $id, events: $events) { results { id seq cursor outcome } }
  }`
  const events = [{ id: '11111111-2222-4333-8444-555555555555', eventType: 'ETL_STARTED', eventData: { a: 1 } }]
  const body = JSON.stringify({ query, variables: { id: '<dataset>', events } })
  await ask(body, 'write', {})
  expect((await expectAlike(body, 'write')).body).toContain('DUPLICATE')
  expect((await expectAlike(body, 'read')).body).toContain('FORBIDDEN')
})

test('A long result is sent in chunks both ways', async () => {
  const fields = Array.from({ length: 25 }, (_, i) => `a${i}: report(id: "<report>") { snapshot { text: __typename } }`)
  await expectAlike(JSON.stringify({ query: `{ ${fields.join(' ')} }` }))
})

test.for([100, 1_000])(
  'A page of %i events, of all sizes and of parts, has the same response both ways',
  async (count) => {
    const dataset = await newDataset(server, fill('<organization>'))
    const events = Array.from({ length: count }, (_, i) => ({
      eventType: 'ETL_STARTED',
      eventData: i % 7 === 0 ? null : { i, text: '€\u{1F6A2}"'.repeat(i % 13 === 0 ? 1_000 : i % 5) },
    }))
    await recordWorkerEvents(server, dataset, events)
    const fields = [
      'eventData',
      'eventDataText eventDataSize redactedAt',
      'eventDataPreview(maxBytes: 7)',
      'dataset { id name } organizationId nodeId __typename',
      'data { __typename ... on UnknownWorkerEventData { text } }',
    ]
    for (const field of fields) {
      const query = `query ($id: UUID!) { workerEvents(datasetId: $id, first: ${count}) {
      edges { cursor node { ...Event ... on WorkerEvent { seq } } }
      nodes { ${field} }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      totalCount
    } }
    fragment Event on WorkerEvent { id createdAt seq eventType }`
      const { body } = await expectAlike(JSON.stringify({ query, variables: { id: dataset } }))
      expect(JSON.parse(body).data.workerEvents.nodes).toHaveLength(count)
    }
  },
)

test('A long result beside an error has the same response both ways, and is sent as it is stored', async () => {
  const dataset = await newDataset(server, fill('<organization>'))
  const events = Array.from({ length: 100 }, (_, i) => ({ eventType: 'ETL_STARTED', eventData: '€'.repeat(100 * i) }))
  await recordWorkerEvents(server, dataset, events)
  const query = (field: string) => `{ failing: dataset(id: "${dataset}") { events(first: -1) { nodes { id } } }
    long: workerEvents(datasetId: "${dataset}", first: 1000) { nodes { id ${field} } } }`
  for (const accept of ['application/json', 'application/graphql-response+json', 'text/event-stream, */*']) {
    const { status, body } = await expectAlike(JSON.stringify({ query: query('eventData') }), 'read', { accept })
    expect(status).toBe(200)
    const { data, errors } = JSON.parse(body)
    expect(data.failing).toBeNull()
    expect(data.long.nodes).toHaveLength(100)
    expect(errors).toMatchObject([{ path: ['failing', 'events'], extensions: { code: 'BAD_USER_INPUT' } }])
  }
  // Parsing all of it at once would hold up other requests.
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventDataText: '{ "n": 1.0 }' }])
  const asked = JSON.stringify({ query: query('eventData') })
  await ask(asked, 'read', {})
  expect((await ask(asked, 'read', {})).body).toContain('{ "n": 1.0 }')
})

test('A payload is sent as it is stored, not as a parser would change it', async () => {
  const dataset = await newDataset(server, fill('<organization>'))
  const eventDataText = '{ "big": 12345678901234567890,\n "b": 1.0, "a": "\\u0041" }'
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventDataText }])
  const query = '{ workerEvents(datasetId: "DATASET") { nodes { eventData } } }'.replace('DATASET', dataset)
  await ask(JSON.stringify({ query }), 'read', {})
  const { body } = await ask(JSON.stringify({ query }), 'read', {})
  expect(body).toBe(`{"data":{"workerEvents":{"nodes":[{"eventData":${eventDataText}}]}}}`)
  const { body: parsed } = await ask(JSON.stringify({ query }), 'read', THROUGH_YOGA)
  expect(JSON.parse(body)).toEqual(JSON.parse(parsed))
})

test('Reports, whose events are of several types, have the same response both ways', async () => {
  const query = `query ($id: UUID!, $first: Int = 3) {
    report(id: $id) { name eventCount }
    reportEvents(reportId: $id, first: $first) {
      nodes {
        __typename
        ... on ReportEventItem { id seq timestamp message eventData }
        ... on ProgressEvent { variant progress status extraDetail }
        ... on BlockUpdateEvent { block { idx template sources { score node { text embedding metadata } } } }
        ... on StateEvent { state }
      }
    }
    none: report(id: "<nobody>") { id }
  }`
  const { body } = await expectAlike(JSON.stringify({ query, variables: { id: '<report>' } }))
  expect(JSON.parse(body).data.reportEvents.nodes).toHaveLength(3)
  await expectAlike(JSON.stringify({ query, variables: { id: '<endedReport>', first: null } }))
  // An error of one field, beside the data of others.
  const partly =
    '{ a: report(id: "<report>") { id } b: workerEvents(datasetId: "<dataset>", first: -1) { nodes { id } } }'
  await expectAlike(JSON.stringify({ query: partly }))
  await expectAlike(JSON.stringify({ query: '{ node(id: "x") { nodeId } dataset(id: "<dataset>") { id } }' }))
})

test('A subscription begins as an event stream both ways', async () => {
  const query =
    'subscription ($id: UUID!) { reportEvents(reportId: $id, from: BEGINNING) { cursor node { __typename } } }'
  const body = JSON.stringify({ query, variables: { id: '<endedReport>' } })
  const { headers } = await expectAlike(body, 'read', { accept: '*/*' })
  expect(headers['content-type']).toBe('text/event-stream')
  await expectAlike(body, 'read', { accept: 'application/json' })
  await expectAlike(body, 'revoked')
})
