import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect } from 'vitest'
import { WORKER_EVENT_TYPES } from '../../src/log/worker-event-type.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

let server: TestServer
let ids: Record<string, string>
let key: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  const [organization, other] = [await newOrganization(server), await newOrganization(server)]
  ids = {
    organization,
    dataset: await newDataset(server, organization, { trackingId: 'taken' }),
    report: await newReport(server, organization),
    otherDataset: await newDataset(server, other),
    otherReport: await newReport(server, other),
    nobody: randomUUID(),
  }
  key = await newKey(server, organization, 'ADMIN')
})

const DOCUMENTED = [
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'FORBIDDEN',
  'CONFLICT',
  'CURSOR_INVALID',
  'GRAPHQL_VALIDATION_FAILED',
  'GRAPHQL_PARSE_FAILED',
]
const NOT_A_UUID = [
  1,
  true,
  '',
  'x',
  {},
  [],
  `{${randomUUID()}`,
  `${randomUUID()}}`,
  randomUUID().slice(1),
  `${randomUUID()}\u0000`,
  '\ud800',
  null,
]
const CONTROLS = ['\u001b[2J', 'a\tb', 'a\nb', '\u007f', '\u009b2J', '\u2028', '\u202eb']
const NOT_A_NAME = [1, true, {}, [], '', '   ', 'a\u0000b', '\ud800', '\udc00x', 'x'.repeat(501), ...CONTROLS]
const NOT_AN_INT = [1.5, 2 ** 31, -(2 ** 31) - 1, 1e308, '1', true, {}, [1]]
const NOT_A_TIME = [
  0,
  true,
  '',
  'yesterday',
  '2024-02-30T00:00:00Z',
  '2024-01-01',
  '2024-01-01T00:00:00',
  '\u0000',
  {},
  [],
]
const NOT_A_STRING = [1, true, {}, []]
const NOT_TYPES = ['file_uploaded', 'NOPE', 1, {}, [null], ['FILE_UPLOADED', 'file_uploaded'], ['\u0000']]

// A root field, the argument or input field that is invalid, and invalid values for it.
const TABLE: [operation: string, type: string, values: unknown[]][] = [
  ['query ($v: T) { organization(id: $v) { id } }', 'UUID!', NOT_A_UUID],
  ['query ($v: T) { dataset(id: $v) { id } }', 'UUID', NOT_A_UUID.slice(0, -1)],
  [
    'query ($v: T) { dataset(trackingId: $v, organizationId: "$organization") { id } }',
    'String',
    [...NOT_A_STRING, 'a\u0000b', '\ud800'],
  ],
  ['query ($v: T) { dataset(trackingId: "taken", organizationId: $v) { id } }', 'UUID', NOT_A_UUID.slice(0, -1)],
  ['query ($v: T) { dataset(id: $v, trackingId: "taken") { id } }', 'UUID', [randomUUID(), null].slice(0, 1)],
  ['query ($v: T) { report(id: $v) { id } }', 'UUID!', NOT_A_UUID],
  [
    'query ($v: T) { workerEvents(datasetId: $v) { totalCount } }',
    'UUID!',
    [...NOT_A_UUID, '$otherDataset', '$report', '$nobody'],
  ],
  ['query ($v: T) { workerEvents(datasetId: "$dataset", types: $v) { totalCount } }', '[WorkerEventType!]', NOT_TYPES],
  ['query ($v: T) { workerEvents(datasetId: "$dataset", since: $v) { totalCount } }', 'DateTime', NOT_A_TIME],
  ['query ($v: T) { workerEvents(datasetId: "$dataset", until: $v) { totalCount } }', 'DateTime', NOT_A_TIME],
  [
    'query ($v: T) { workerEvents(datasetId: "$dataset", order: $v) { totalCount } }',
    'EventOrder',
    ['newest', 1, true, {}],
  ],
  [
    'query ($v: T) { workerEvents(datasetId: "$dataset", first: $v) { totalCount } }',
    'Int',
    [...NOT_AN_INT, -1, 1_001],
  ],
  ['query ($v: T) { workerEvents(datasetId: "$dataset", last: $v) { totalCount } }', 'Int', [...NOT_AN_INT, -1, 1_001]],
  [
    'query ($v: T) { workerEvents(datasetId: "$dataset", after: $v) { totalCount } }',
    'String',
    [...NOT_A_STRING, '', 'x', 'AQ\u0000', '\ud800'],
  ],
  [
    'query ($v: T) { workerEvents(datasetId: "$dataset", before: $v) { totalCount } }',
    'String',
    [...NOT_A_STRING, '', 'x', 'AQ\u0000', '\ud800'],
  ],
  [
    'query ($v: T) { workerEventPage(datasetId: $v) { totalCount } }',
    'UUID!',
    [...NOT_A_UUID, '$otherDataset', '$report', '$nobody'],
  ],
  [
    'query ($v: T) { workerEventPage(datasetId: "$dataset", types: $v) { totalCount } }',
    '[WorkerEventType!]',
    NOT_TYPES,
  ],
  ['query ($v: T) { workerEventPage(datasetId: "$dataset", page: $v) { totalCount } }', 'Int', [...NOT_AN_INT, 0, -1]],
  [
    'query ($v: T) { workerEventPage(datasetId: "$dataset", pageSize: $v) { totalCount } }',
    'Int',
    [...NOT_AN_INT, 0, -1, 10_001],
  ],
  [
    'query ($v: T) { reportEvents(reportId: $v) { totalCount } }',
    'UUID!',
    [...NOT_A_UUID, '$otherReport', '$dataset', '$nobody'],
  ],
  [
    'query ($v: T) { reportEvents(reportId: "$report", kinds: $v) { totalCount } }',
    '[ReportEventKind!]',
    ['progress', 1, [null], {}],
  ],
  ['query ($v: T) { reportEvents(reportId: "$report", first: $v) { totalCount } }', 'Int', [...NOT_AN_INT, -1, 1_001]],
  [
    'query ($v: T) { reportEvents(reportId: "$report", after: $v) { totalCount } }',
    'String',
    [...NOT_A_STRING, '', 'x', 'AQ\u0000', '\ud800'],
  ],
  ['mutation ($v: T) { createOrganization(input: { name: $v }) { id } }', 'String!', [...NOT_A_NAME, null]],
  [
    'mutation ($v: T) { createOrganization(input: { name: "x", id: $v }) { id } }',
    'UUID',
    [...NOT_A_UUID.slice(0, -1), '$organization'],
  ],
  ['mutation ($v: T) { createDataset(input: { organizationId: $v }) { id } }', 'UUID!', [...NOT_A_UUID, '$nobody']],
  [
    'mutation ($v: T) { createDataset(input: { organizationId: "$organization", id: $v }) { id } }',
    'UUID',
    [...NOT_A_UUID.slice(0, -1), '$dataset', '$otherDataset', '$report'],
  ],
  [
    'mutation ($v: T) { createDataset(input: { organizationId: "$organization", trackingId: $v }) { id } }',
    'String',
    [...NOT_A_NAME, 'taken', randomUUID()],
  ],
  [
    'mutation ($v: T) { createDataset(input: { organizationId: "$organization", name: $v }) { id } }',
    'String',
    NOT_A_NAME,
  ],
  ['mutation ($v: T) { createReport(input: { organizationId: $v }) { id } }', 'UUID!', [...NOT_A_UUID, '$nobody']],
  [
    'mutation ($v: T) { createReport(input: { organizationId: "$organization", id: $v }) { id } }',
    'UUID',
    [...NOT_A_UUID.slice(0, -1), '$dataset', '$report'],
  ],
  [
    'mutation ($v: T) { createReport(input: { organizationId: "$organization", projectId: $v }) { id } }',
    'UUID',
    NOT_A_UUID.slice(0, -1),
  ],
  [
    'mutation ($v: T) { createReport(input: { organizationId: "$organization", name: $v }) { id } }',
    'String',
    NOT_A_NAME,
  ],
  [
    'mutation ($v: T) { createApiKey(input: { organizationId: $v, role: READ }) { key } }',
    'UUID!',
    [...NOT_A_UUID, '$nobody'],
  ],
  [
    'mutation ($v: T) { createApiKey(input: { organizationId: "$organization", role: $v }) { key } }',
    'ApiKeyRole!',
    ['read', 'ROOT', 1, {}, null],
  ],
  [
    'mutation ($v: T) { createApiKey(input: { organizationId: "$organization", role: READ, name: $v }) { key } }',
    'String',
    NOT_A_NAME,
  ],
  [
    'mutation ($v: T) { createApiKey(input: { organizationId: "$organization", role: READ, datasetIds: $v }) { key } }',
    '[UUID!]',
    [[], [1], ['x'], ['$otherDataset'], ['$nobody'], [null], Array(1_001).fill(randomUUID())],
  ],
  [
    'mutation ($v: T) { createApiKey(input: { organizationId: "$organization", role: READ, expiresAt: $v }) { key } }',
    'DateTime',
    [...NOT_A_TIME, '2000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59', '0000-01-01T00:00:00+23:59'],
  ],
  [
    'mutation ($v: T) { revokeApiKey(id: $v) { id } }',
    'UUID!',
    [...NOT_A_UUID, '$nobody', '00000000-0000-0000-0000-000000000000'],
  ],
  [
    'mutation ($v: T) { recordWorkerEvents(datasetId: $v, events: [{ eventType: ETL_STARTED }]) { results { id } } }',
    'UUID!',
    [...NOT_A_UUID, '$otherDataset', '$report', '$nobody'],
  ],
  [
    'mutation ($v: T) { recordWorkerEvents(datasetId: "$dataset", events: $v) { results { id } } }',
    '[WorkerEventInput!]!',
    [
      null,
      1,
      'x',
      [null],
      [{}],
      [{ eventType: 'x' }],
      [{ eventType: 'ETL_STARTED', seq: 1 }],
      [{ eventType: 'ETL_STARTED', id: 'x' }],
    ],
  ],
  [
    'mutation ($v: T) { recordWorkerEvents(datasetId: "$dataset", events: [{ eventType: ETL_STARTED, eventDataText: ' +
      '$v }]) { results { id } } }',
    'String',
    [...NOT_A_STRING, '', '{', "{'a':1}", '\u0000', '"\ud800"', 'NaN'],
  ],
  [
    'mutation ($v: T) { recordReportEvents(reportId: $v, events: [{ state: { message: "", state: ERROR } }]) { ' +
      'results { id } } }',
    'UUID!',
    [...NOT_A_UUID, '$otherReport', '$dataset', '$nobody'],
  ],
  [
    'mutation ($v: T) { recordReportEvents(reportId: "$report", events: $v) { results { id } } }',
    '[ReportEventInput!]!',
    [null, 1, [null], [{}], [{ nope: 1 }], [{ state: { message: 'x' } }]],
  ],
]

function fill<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value).replaceAll(
      /\$(organization|dataset|report|otherDataset|otherReport|nobody)\b/g,
      (_, name) => ids[name] ?? '',
    ),
  )
}

async function counts() {
  const query = `{ workerEvents(datasetId: "${ids.dataset}") { totalCount }
    reportEvents(reportId: "${ids.report}") { totalCount } }`
  return expectData(await server.graphql(query))
}

describe.each(TABLE)('%s', (operation, type, values) => {
  afterAll(async () => {
    expect(await counts()).toEqual({ workerEvents: { totalCount: 0 }, reportEvents: { totalCount: 0 } })
  })

  test.each(values.map((value) => [JSON.stringify(value)?.slice(0, 60), value]))(
    '%s is rejected with a documented code, and nothing is stored',
    async (_, value) => {
      const query = fill(operation.replace('$v: T', `$v: ${type}`))
      const { data, errors } = await server.graphql(query, { v: fill(value) }, key)
      // Hidden objects are null where the design says so; everything else must be an error.
      if (!errors) expect(data).toEqual({ [Object.keys(data)[0] ?? '']: null })
      for (const { extensions } of errors ?? []) expect(DOCUMENTED).toContain(extensions.code)
    },
  )
})

describe('a request that is not GraphQL', () => {
  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${server.url}/graphql`, { method: 'POST', headers: { authorization: `Bearer ${key}`, ...headers }, body })

  test.each([
    ['an empty body', ''],
    ['broken JSON', '{"query":'],
    ['JSON that is not an object', '"x"'],
    ['null', 'null'],
    ['a list, as batching would be', '[{"query":"{__typename}"}]'],
    ['no query', '{}'],
    ['a query that is no string', '{"query":1}'],
    ['an empty query', '{"query":""}'],
    ['variables that are not an object', '{"query":"{__typename}","variables":"x"}'],
    ['an operation that does not exist', '{"query":"query A{__typename}","operationName":"B"}'],
    ['several operations and no name', '{"query":"query A{__typename} query B{__typename}"}'],
    ['NUL', '{"query":"{\\u0000}"}'],
  ])('is rejected when it is %s, with a status below 500', async (_, body) => {
    const response = await post(body)
    expect(response.status).toBeLessThan(500)
    const result = (await response.json()) as { errors: { extensions?: { code?: string } }[] }
    expect(result.errors.length).toBeGreaterThan(0)
    for (const { extensions } of result.errors) {
      expect(extensions).toEqual({ code: expect.any(String) })
      expect([...DOCUMENTED, 'BAD_REQUEST']).toContain(extensions?.code)
    }
  })

  test.each(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'is not a server error when its client disconnects in the middle of %s',
    async (type) => {
      const logged = server.log.length
      const { hostname, port } = new URL(server.url)
      const socket = connect(Number(port), hostname)
      const head =
        'POST /graphql HTTP/1.1\r\nhost: x\r\nx-graphql-yoga-csrf: 1\r\n' +
        `content-type: ${type}\r\ncontent-length: 100`
      socket.end(`${head}\r\n\r\n--x\r\n`)
      await text(socket)
      expectData(await server.graphql('{ __typename }'))
      expect(server.log.slice(logged)).toEqual([])
    },
  )

  test('is rejected when it is too large', async () => {
    expect((await post(`{"query":"{__typename}","variables":{"x":"${'x'.repeat(8_000_000)}"}}`)).status).toBe(413)
  })

  test.each([
    ['more tokens than are read', `{ ${'a '.repeat(10_001)} }`],
    ['more text than is read', `{ __typename } # ${'x'.repeat(262_144)}`],
    ['selections too deep to walk', `${'{ a'.repeat(3_300)}${' }'.repeat(3_300)}`],
    ['a literal too deep to walk', `query Q($v: JSON = ${'['.repeat(4_900)}${']'.repeat(4_900)}) { __typename }`],
  ])('is rejected when it has %s', async (_, query) => {
    const { errors } = await server.graphql(query)
    expect(errors?.length).toBeGreaterThan(0)
    for (const { extensions } of errors ?? []) expect(DOCUMENTED).toContain(extensions.code)
  })

  test.each(['variables=%7B', 'extensions=zz', 'variables=1'])(
    'is rejected when its URL contains %s',
    async (search) => {
      const response = await fetch(`${server.url}/graphql?query=%7B__typename%7D&${search}`, {
        headers: { accept: 'application/json' },
      })
      expect(response.status).toBeLessThan(500)
      const { errors } = (await response.json()) as { errors: { extensions?: { code?: string } }[] }
      expect(errors[0]?.extensions?.code).not.toBe('INTERNAL_SERVER_ERROR')
    },
  )

  test('is rejected without a valid Host header, and the response exposes no internals', async () => {
    const { hostname, port } = new URL(server.url)
    for (const host of ['a b', '[', '']) {
      const socket = connect(Number(port), hostname)
      socket.end(`GET /graphql?query={__typename} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\n(0\r\n\r\n)?$/)
    }
  })

  test('cannot run a mutation by GET', async () => {
    const query = encodeURIComponent('mutation { createOrganization(input: { name: "x" }) { id } }')
    const response = await fetch(`${server.url}/graphql?query=${query}`, {
      headers: { authorization: `Bearer ${server.rootKey}` },
    })
    expect(response.status).toBe(405)
  })
})

test('A value that an enum does not have is rejected, and the message lists the allowed ones', async () => {
  const query = (types: string, declared = '') =>
    `query ${declared} { workerEventPage(datasetId: "${ids.dataset}", types: ${types}) { totalCount } }`
  const types = Object.keys(WORKER_EVENT_TYPES)
    .map((type) => type.toUpperCase())
    .sort()
  for (const [text, variables] of [
    [query('[FILE_UPLOAD]'), {}],
    [query('["FILE_UPLOADED"]'), {}],
    [query('$types', '($types: [WorkerEventType!])'), { types: ['FILE_UPLOAD'] }],
    [query('$types', '($types: [WorkerEventType!])'), { types: [1] }],
    [query('$types', '($types: [WorkerEventType!])'), { types: ['x'.repeat(10_000)] }],
  ] as const) {
    const [error] = (await server.graphql(text, variables)).errors ?? []
    expect(error?.message).toContain(`Use one of: ${types.join(', ')}.`)
    expect(error?.message.length).toBeLessThan(900)
  }
})
