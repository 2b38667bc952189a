import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newDataset, newKey, newOrganization, newReport } from './support/seed.ts'
import { expectData, startServer, type TestServer } from './support/server.ts'

const CALLERS = [
  'none',
  'unknown',
  'revoked',
  'expired',
  'read',
  'write',
  'admin',
  'narrowed',
  'elsewhere',
  'root',
] as const
type Caller = (typeof CALLERS)[number]

let server: TestServer
let keys: Record<Caller, string | null>
let ids: Record<'organization' | 'other' | 'dataset' | 'report' | 'sibling', string>

beforeAll(async () => {
  server = await startServer()
  const [organization, other] = [await newOrganization(server), await newOrganization(server)]
  const dataset = await newDataset(server, organization, { trackingId: 'tracked' })
  const [report, sibling] = [await newReport(server, organization), await newDataset(server, organization)]
  ids = { organization, other, dataset, report, sibling }
  const revoked = await createKey(organization, 'ADMIN')
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: revoked.id }))
  const expiresAt = new Date(Date.now() + 300).toISOString()
  const expired = await newKey(server, organization, 'ADMIN', { expiresAt })
  keys = {
    none: null,
    unknown: 'tidemark_unknown',
    revoked: revoked.key,
    expired,
    read: await newKey(server, organization, 'READ'),
    write: await newKey(server, organization, 'WRITE'),
    admin: await newKey(server, organization, 'ADMIN'),
    narrowed: await newKey(server, organization, 'ADMIN', { datasetIds: [dataset] }),
    elsewhere: await newKey(server, other, 'ADMIN'),
    root: server.rootKey,
  }
  // The clock that decides is the server's; asking it until the key is refused waits exactly as long as it takes.
  while (
    !(await server.graphql('{ organization(id: "00000000-0000-0000-0000-000000000000") { id } }', {}, expired)).errors
  );
})
afterAll(() => server[Symbol.asyncDispose]())

async function createKey(organizationId: string, role: string): Promise<{ key: string; id: string }> {
  const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
  const { createApiKey } = expectData(await server.graphql(query, { input: { organizationId, role } }))
  return { key: createApiKey.key, id: createApiKey.apiKey.id }
}

// What each caller gets from each root field: data, null, or the code of an error.
const strangers = {
  none: 'UNAUTHENTICATED',
  unknown: 'UNAUTHENTICATED',
  revoked: 'UNAUTHENTICATED',
  expired: 'UNAUTHENTICATED',
} as const
const reads = {
  ...strangers,
  read: 'data',
  write: 'data',
  admin: 'data',
  narrowed: 'data',
  elsewhere: 'NOT_FOUND',
  root: 'data',
} as const
const sees = { ...reads, elsewhere: 'null' } as const
const writes = { ...reads, read: 'FORBIDDEN' } as const
const creates = { ...writes, narrowed: 'FORBIDDEN', elsewhere: 'FORBIDDEN' } as const
const administers = { ...creates, write: 'FORBIDDEN' } as const

const TABLE: [field: string, operation: string, expected: Record<Caller, string>][] = [
  ['organization', 'query { organization(id: $organization) { id } }', sees],
  ['dataset by id', 'query { dataset(id: $dataset) { id } }', sees],
  ['dataset by tracking id', 'query { dataset(trackingId: "tracked", organizationId: $organization) { id } }', sees],
  ['another dataset', 'query { dataset(id: $sibling) { id } }', { ...sees, narrowed: 'null' }],
  ['report', 'query { report(id: $report) { id } }', { ...sees, narrowed: 'null' }],
  ['workerEvents', 'query { workerEvents(datasetId: $dataset) { totalCount } }', reads],
  [
    'workerEvents of another dataset',
    'query { workerEvents(datasetId: $sibling) { totalCount } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  ['workerEventPage', 'query { workerEventPage(datasetId: $dataset) { totalCount } }', reads],
  ['reportEvents', 'query { reportEvents(reportId: $report) { totalCount } }', { ...reads, narrowed: 'NOT_FOUND' }],
  [
    'workerEvents of a report',
    'query { workerEvents(datasetId: $report) { totalCount } }',
    { ...notFound(), ...strangers },
  ],
  ['recordWorkerEvents', 'mutation { recordWorkerEvents(datasetId: $dataset, events: []) { results { id } } }', writes],
  [
    'recordReportEvents',
    'mutation { recordReportEvents(reportId: $report, events: []) { results { id } } }',
    { ...writes, narrowed: 'NOT_FOUND' },
  ],
  [
    'createOrganization',
    'mutation { createOrganization(input: { name: "x" }) { id } }',
    { ...allForbidden(), ...strangers, root: 'data' },
  ],
  ['createDataset', 'mutation { createDataset(input: { organizationId: $organization }) { id } }', creates],
  ['createReport', 'mutation { createReport(input: { organizationId: $organization }) { id } }', creates],
  [
    'createApiKey',
    'mutation { createApiKey(input: { organizationId: $organization, role: READ }) { apiKey { id } } }',
    administers,
  ],
  [
    'revokeApiKey of no key',
    'mutation { revokeApiKey(id: $report) { id } }',
    {
      ...administers,
      admin: 'NOT_FOUND',
      elsewhere: 'NOT_FOUND',
      root: 'NOT_FOUND',
    },
  ],
]

function all(outcome: string): Record<Caller, string> {
  return Object.fromEntries(CALLERS.map((caller) => [caller, outcome])) as Record<Caller, string>
}
function notFound() {
  return all('NOT_FOUND')
}
function allForbidden() {
  return all('FORBIDDEN')
}

describe.each(TABLE)('%s', (_field, operation, expected) => {
  test.each(CALLERS)('for the caller: %s', async (caller) => {
    const text = operation.replaceAll(/\$(\w+)/g, (_, name: keyof typeof ids) => `"${ids[name]}"`)
    const { data, errors } = await server.graphql(text, {}, keys[caller])
    const value = data && Object.values(data)[0]
    expect(errors ? errors.map(({ extensions }) => extensions.code).join() : value === null ? 'null' : 'data').toBe(
      expected[caller],
    )
  })
})

describe('an API key', () => {
  test('is shown once and stored as a hash', async () => {
    const { key, id } = await createKey(ids.organization, 'READ')
    expect(key).toMatch(/^tidemark_[\w-]{43}$/)
    const query = 'mutation ($id: UUID!) { revokeApiKey(id: $id) { prefix organizationId role datasetIds revokedAt } }'
    const { revokeApiKey } = expectData(await server.graphql(query, { id }))
    expect(revokeApiKey).toMatchObject({
      prefix: key.slice(0, 16),
      organizationId: ids.organization,
      role: 'READ',
      datasetIds: [],
    })
    const again = expectData(await server.graphql(query, { id })).revokeApiKey
    expect(again.revokedAt).toBe(revokeApiKey.revokedAt)
  })

  test('of another organization cannot be revoked, and goes on working', async () => {
    const { key, id } = await createKey(ids.other, 'READ')
    const { errors } = await server.graphql(
      'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }',
      { id },
      keys.admin,
    )
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
    expectData(await server.graphql('query ($id: UUID!) { organization(id: $id) { id } }', { id: ids.other }, key))
  })

  test.each([
    ['an empty list of datasets', { datasetIds: [] }, 'BAD_USER_INPUT'],
    ['an empty list of reports', { reportIds: [] }, 'BAD_USER_INPUT'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 'BAD_USER_INPUT'],
    ['a dataset that does not exist', { datasetIds: [randomUUID()] }, 'NOT_FOUND'],
    ['a report that does not exist', { reportIds: [randomUUID()] }, 'NOT_FOUND'],
    ['an organization that does not exist', { organizationId: randomUUID() }, 'NOT_FOUND'],
  ])('cannot be created with %s', async (_, extra, code) => {
    const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }'
    const { errors } = await server.graphql(query, {
      input: { organizationId: ids.organization, role: 'READ', ...extra },
    })
    expect(errors).toMatchObject([{ extensions: { code } }])
  })

  test("cannot be narrowed to another organization's dataset", async () => {
    const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }'
    const { errors } = await server.graphql(query, {
      input: { organizationId: ids.other, role: 'READ', datasetIds: [ids.dataset] },
    })
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })

  test.each(['bearer', 'BEARER', 'Bearer '])('is taken with the scheme written "%s"', async (scheme) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `${scheme} ${keys.read}` },
      body: JSON.stringify({ query: `{ dataset(id: "${ids.dataset}") { id } }` }),
    })
    expect(await response.json()).toEqual({ data: { dataset: { id: ids.dataset } } })
  })

  test.each(['Basic', 'Token', ''])('is not taken with the scheme "%s"', async (scheme) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `${scheme} ${keys.read}` },
      body: JSON.stringify({ query: `{ dataset(id: "${ids.dataset}") { id } }` }),
    })
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })
})
