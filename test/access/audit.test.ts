import { randomUUID } from 'node:crypto'
import { v7 } from 'uuid'
import { beforeAll, describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const ENTRIES = `query ($id: UUID!, $first: Int, $after: String) {
  auditEntries(organizationId: $id, first: $first, after: $after) { nodes { id action actorKeyId subjectId details } }
}`
const CREATE_KEY = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
const REVOKE_KEY = 'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }'

test('Administrative actions are recorded once, with their actor and without secrets', async () => {
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
  expect(auditEntries.nodes.toReversed()).toMatchObject([
    { action: 'CREATE_ORGANIZATION', actorKeyId: null, subjectId: organization, details: { name: 'Acme' } },
    { action: 'CREATE_API_KEY', actorKeyId: null, subjectId: boss.apiKey.id, details: { role: 'ADMIN', name: 'boss' } },
    { action: 'CREATE_DATASET', actorKeyId: boss.apiKey.id, subjectId: id, details: { trackingId: 'docs' } },
    { action: 'CREATE_REPORT', actorKeyId: null, subjectId: report },
    { action: 'CREATE_API_KEY', actorKeyId: boss.apiKey.id, subjectId: apiKey.id, details: { datasetIds: [id] } },
    { action: 'REVOKE_API_KEY', actorKeyId: boss.apiKey.id, subjectId: apiKey.id },
  ])
  expect(JSON.stringify(auditEntries)).not.toContain(boss.key)
})

test('The removal of a retention policy that does not exist is no act', async () => {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  const set = (of: string, policy = '') =>
    server.graphql(`mutation { setRetention(of: { ${of} } ${policy}) { maxEvents } }`)
  for (const of of [`organizationId: "${organization}"`, `datasetId: "${dataset}"`]) {
    for (const policy of ['', 'policy: { maxEvents: 1 }', '', '']) expectData(await set(of, policy))
  }
  const { auditEntries } = expectData(await server.graphql(ENTRIES, { id: organization }))
  const acts = (auditEntries.nodes as { action: string; details: object }[]).filter(
    ({ action }) => action === 'SET_RETENTION',
  )
  expect(acts.map(({ details }) => details)).toEqual([{}, SET, {}, SET])
})

const SET = { maxAgeSeconds: null, maxEvents: 1 }

test.each([
  'createApiKey(input: { organizationId: "$organization", role: ADMIN }) { key }',
  'createDataset(input: { organizationId: "$organization" }) { id }',
  'createReport(input: { organizationId: "$organization" }) { id }',
  'revokeApiKey(id: "$other") { id }',
  'setRetention(of: { organizationId: "$organization" }, policy: { maxEvents: 1 }) { maxEvents }',
])('A revoked key does nothing more, not even in the request that revokes it: %s', async (act) => {
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
  expect(auditEntries.nodes).toMatchObject([
    { action: 'REVOKE_API_KEY', subjectId: own.apiKey.id },
    { action: 'CREATE_API_KEY', subjectId: other.apiKey.id },
  ])
})

describe.each([
  ['auditEntries', 6],
  ['apiKeys', 5],
])('%s', (field, count) => {
  const PAGE = `query ($id: UUID!, $first: Int, $after: String, $last: Int, $before: String) {
    page: ${field}(organizationId: $id, first: $first, after: $after, last: $last, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } nodes {
      id }
    }
  }`
  let organization: string
  const ask = (variables: object) => server.graphql(PAGE, { id: organization, ...variables })
  const page = async (variables: object) => expectData(await ask(variables)).page

  beforeAll(async () => {
    organization = await newOrganization(server)
    for (let i = 0; i < 5; i++) await newKey(server, organization)
  })

  test('are listed newest first, page by page, forward and back', async () => {
    const all = await page({})
    const ids = all.nodes.map(({ id }: { id: string }) => id)
    expect(ids).toEqual(ids.toSorted().reverse())
    expect(all).toMatchObject({ totalCount: count, pageInfo: { hasNextPage: false, hasPreviousPage: false } })
    expect(all.edges.map(({ node }: { node: object }) => node)).toEqual(all.nodes)
    const first = await page({ first: 2 })
    expect(first).toMatchObject({ totalCount: count, pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    const rest = await page({ first: 1_000, after: first.pageInfo.endCursor })
    expect([...first.edges, ...rest.edges]).toEqual(all.edges)
    const last = await page({ last: 2 })
    expect(last).toMatchObject({ pageInfo: { hasNextPage: false, hasPreviousPage: true } })
    const before = await page({ last: 1_000, before: last.pageInfo.startCursor })
    expect([...before.edges, ...last.edges]).toEqual(all.edges)
    expect((await page({ last: 1, before: last.pageInfo.startCursor })).edges).toEqual([all.edges.at(-3)])
    expect(await page({ first: 0 })).toMatchObject({ totalCount: count, nodes: [] })
  })

  test.each([
    [{ first: -1 }, 'BAD_USER_INPUT'],
    [{ first: 1_001 }, 'BAD_USER_INPUT'],
    [{ last: 1_001 }, 'BAD_USER_INPUT'],
    [{ first: 1, last: 1 }, 'BAD_USER_INPUT'],
    [{ first: 1, before: cursorOf(`S:${randomUUID()}`) }, 'BAD_USER_INPUT'],
    [{ after: '' }, 'CURSOR_INVALID'],
    [{ after: randomUUID() }, 'CURSOR_INVALID'],
    [{ after: cursorOf('S:x') }, 'CURSOR_INVALID'],
    [{ after: cursorOf('N:1') }, 'CURSOR_INVALID'],
    [{ before: cursorOf('I:x') }, 'CURSOR_INVALID'],
  ])('rejects %j', async (variables, code) => {
    expect((await ask(variables)).errors).toMatchObject([{ extensions: { code } }])
  })

  test('accepts any id as a cursor, and lists only entries of the organization', async () => {
    const other = await newOrganization(server)
    await newKey(server, other)
    const [foreign] = (await page({ id: other })).edges
    const all = await page({})
    expect((await page({ after: foreign.cursor })).edges).toEqual(all.edges)
    expect((await page({ after: cursorOf(`S:${v7()}`) })).edges).toEqual(all.edges)
  })
})

function cursorOf(value: string): string {
  return Buffer.from(`GPC:${value}`).toString('base64')
}

test('A key records its last use without a write per use', async () => {
  const first = await startServer()
  const organization = await newOrganization(first)
  const [used, unused] = [await newKey(first, organization), await newKey(first, organization)]
  const dataset = await newDataset(first, organization)
  const begin = Date.now()
  for (let i = 0; i < 3; i++)
    expectData(await first.graphql('query ($id: UUID!) { dataset(id: $id) { id } }', { id: dataset }, used))
  const query = 'query ($id: UUID!) { apiKeys(organizationId: $id) { nodes { prefix lastUsedAt } } }'
  const before = expectData(await first.graphql(query, { id: organization })).apiKeys.nodes
  expect(before).toMatchObject([{ lastUsedAt: null }, { lastUsedAt: null }])
  // Written with a delay, and at the latest when the server stops.
  await first[Symbol.asyncDispose]()
  await using second = await startServer(first.env)
  const { apiKeys } = expectData(await second.graphql(query, { id: organization }))
  expect(apiKeys.nodes[0]).toEqual({ prefix: unused.slice(0, 16), lastUsedAt: null })
  expect(apiKeys.nodes[1].prefix).toBe(used.slice(0, 16))
  expect(new Date(apiKeys.nodes[1].lastUsedAt).getTime()).toBeGreaterThanOrEqual(begin - 1)
})
