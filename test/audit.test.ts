import { afterAll, beforeAll, expect, test } from 'vitest'
import { newDataset, newKey, newOrganization, newReport } from './support/seed.ts'
import { expectData, startServer, type TestServer } from './support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const ENTRIES = `query ($id: UUID!, $first: Int, $after: UUID) {
  auditEntries(organizationId: $id, first: $first, after: $after) { id action actorKeyId subjectId details }
}`
const CREATE_KEY = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
const REVOKE_KEY = 'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }'

test('Administrative acts are recorded with who did them, once, and without secrets', async () => {
  const organization = await newOrganization(server)
  const input = { organizationId: organization, role: 'ADMIN', name: 'boss' }
  const boss = expectData(await server.graphql(CREATE_KEY, { input })).createApiKey
  const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
  const dataset = { organizationId: organization, trackingId: 'docs' }
  const { id } = expectData(await server.graphql(create, { input: dataset }, boss.key)).createDataset
  const report = await newReport(server, organization)
  const { apiKey } = expectData(
    await server.graphql(CREATE_KEY, { input: { ...input, role: 'READ', datasetIds: [id] } }, boss.key),
  ).createApiKey
  for (let i = 0; i < 2; i++) expectData(await server.graphql(REVOKE_KEY, { id: apiKey.id }, boss.key))
  // Rejected actions leave no entry.
  expect((await server.graphql(create, { input: dataset }, boss.key)).errors).toMatchObject([
    { extensions: { code: 'CONFLICT' } },
  ])
  const { auditEntries } = expectData(await server.graphql(ENTRIES, { id: organization }, boss.key))
  expect(auditEntries.toReversed()).toMatchObject([
    { action: 'CREATE_ORGANIZATION', actorKeyId: null, subjectId: organization, details: { name: 'Acme' } },
    { action: 'CREATE_API_KEY', actorKeyId: null, subjectId: boss.apiKey.id, details: { role: 'ADMIN', name: 'boss' } },
    { action: 'CREATE_DATASET', actorKeyId: boss.apiKey.id, subjectId: id, details: { trackingId: 'docs' } },
    { action: 'CREATE_REPORT', actorKeyId: null, subjectId: report },
    { action: 'CREATE_API_KEY', actorKeyId: boss.apiKey.id, subjectId: apiKey.id, details: { datasetIds: [id] } },
    { action: 'REVOKE_API_KEY', actorKeyId: boss.apiKey.id, subjectId: apiKey.id },
  ])
  expect(JSON.stringify(auditEntries)).not.toContain(boss.key)
})

test.each([
  'createApiKey(input: { organizationId: "$organization", role: ADMIN }) { key }',
  'createDataset(input: { organizationId: "$organization" }) { id }',
  'createReport(input: { organizationId: "$organization" }) { id }',
  'revokeApiKey(id: "$other") { id }',
  'setRetention(of: { organizationId: "$organization" }, policy: { maxEvents: 1 }) { maxEvents }',
])('A key that is revoked does nothing more, not even in the request that revokes it: %s', async (act) => {
  const organization = await newOrganization(server)
  const input = { organizationId: organization, role: 'ADMIN' }
  const [own, other] = [
    expectData(await server.graphql(CREATE_KEY, { input })).createApiKey,
    expectData(await server.graphql(CREATE_KEY, { input })).createApiKey,
  ]
  const next = act.replace('$organization', organization).replace('$other', other.apiKey.id)
  const query = `mutation { own: revokeApiKey(id: "${own.apiKey.id}") { id } ${next} }`
  expect(await server.graphql(query, {}, own.key)).toMatchObject({
    errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
  })
  const { auditEntries } = expectData(await server.graphql(ENTRIES, { id: organization, first: 2 }))
  expect(auditEntries).toMatchObject([
    { action: 'REVOKE_API_KEY', subjectId: own.apiKey.id },
    { action: 'CREATE_API_KEY', subjectId: other.apiKey.id },
  ])
})

test('Entries and keys are listed newest first, so many at a time', async () => {
  const organization = await newOrganization(server)
  for (let i = 0; i < 5; i++) await newKey(server, organization)
  const keys =
    'query ($id: UUID!, $first: Int, $after: UUID) { apiKeys(organizationId: $id, first: $first, after: $after) { id } }'
  for (const [query, field, count] of [
    [ENTRIES, 'auditEntries', 6],
    [keys, 'apiKeys', 5],
  ] as const) {
    const all = expectData(await server.graphql(query, { id: organization }))[field]
    expect(all).toHaveLength(count)
    const ids = all.map(({ id }: { id: string }) => id)
    expect(ids).toEqual(ids.toSorted().reverse())
    const first = expectData(await server.graphql(query, { id: organization, first: 2 }))[field]
    const rest = expectData(await server.graphql(query, { id: organization, after: first[1].id }))[field]
    expect([...first, ...rest]).toEqual(all)
    for (const wrong of [0, 1_001]) {
      const { errors } = await server.graphql(query, { id: organization, first: wrong })
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    }
  }
})

test('A key records its last use, without a write per use', async () => {
  const first = await startServer()
  const organization = await newOrganization(first)
  const [used, unused] = [await newKey(first, organization), await newKey(first, organization)]
  const dataset = await newDataset(first, organization)
  const begin = Date.now()
  for (let i = 0; i < 3; i++)
    expectData(await first.graphql('query ($id: UUID!) { dataset(id: $id) { id } }', { id: dataset }, used))
  const query = 'query ($id: UUID!) { apiKeys(organizationId: $id) { prefix lastUsedAt } }'
  const before = expectData(await first.graphql(query, { id: organization })).apiKeys
  expect(before).toMatchObject([{ lastUsedAt: null }, { lastUsedAt: null }])
  // Written with a delay, and at the latest when the server stops.
  await first[Symbol.asyncDispose]()
  await using second = await startServer(first.env)
  const { apiKeys } = expectData(await second.graphql(query, { id: organization }))
  expect(apiKeys[0]).toEqual({ prefix: unused.slice(0, 16), lastUsedAt: null })
  expect(apiKeys[1].prefix).toBe(used.slice(0, 16))
  expect(new Date(apiKeys[1].lastUsedAt).getTime()).toBeGreaterThanOrEqual(begin - 1)
})
