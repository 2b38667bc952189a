import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

const NODE = 'query ($id: ID!) { node(id: $id) { __typename nodeId } }'

let server: TestServer
let organization: string
let dataset: string
let report: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  dataset = await newDataset(server, organization, { name: 'docs' })
  report = await newReport(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

test('Every entity has a nodeId, by which node returns it with the same fields', async () => {
  await newKey(server, organization, 'READ', { name: 'reader' })
  const query = `query ($organization: UUID!, $dataset: UUID!, $report: UUID!) {
    organization(id: $organization) { ...fields } dataset(id: $dataset) { ...fields } report(id: $report) { ...fields }
    apiKeys(organizationId: $organization) { nodes { ...fields } }
  }
  ${FIELDS}`
  const { apiKeys, ...found } = expectData(await server.graphql(query, { organization, dataset, report }))
  const entities = [...Object.values<{ nodeId: string }>(found), apiKeys.nodes[0]]
  for (const entity of entities) {
    const answer = await server.graphql(`query ($id: ID!) { node(id: $id) { ...fields } } ${FIELDS}`, {
      id: entity.nodeId,
    })
    expect(expectData(answer).node).toEqual(entity)
  }
  expect(entities).toMatchObject([
    { __typename: 'Organization', id: organization, name: 'Acme', retention: null },
    { __typename: 'Dataset', id: dataset, label: 'docs', retention: null },
    { __typename: 'Report', id: report, snapshot: { state: null } },
    { __typename: 'ApiKey', label: 'reader', organization: { id: organization } },
  ])
  const ids = [...entities.map(({ nodeId }) => nodeId), nodeId('Dataset', randomUUID()), nodeId('Nothing', dataset)]
  const nodes = 'query ($ids: [ID!]!) { nodes(ids: $ids) { nodeId } }'
  expect(expectData(await server.graphql(nodes, { ids })).nodes).toEqual([
    ...entities.map(({ nodeId }) => ({ nodeId })),
    null,
    null,
  ])
})

const FIELDS = `fragment fields on Node {
  __typename nodeId
  ... on Organization { id name retention { maxEvents } }
  ... on Dataset { id label: name retention { maxEvents } }
  ... on Report { id snapshot { state { cursor } } }
  ... on ApiKey { id label: name organization { id } }
}`

function nodeId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64')
}

test('Events of the same id have nodeIds of their own, by which a cache can tell them apart', async () => {
  const id = randomUUID()
  const [one, two] = [await newDataset(server, organization), await newDataset(server, organization)]
  for (const each of [one, two]) await recordWorkerEvents(server, each, [{ id, eventType: 'ETL_STARTED' }])
  await recordReportEvents(server, report, [{ state: { id, message: 'x', state: 'PLANNING' } }])
  const query = `query ($one: UUID!, $two: UUID!, $report: UUID!) {
    one: workerEvents(datasetId: $one) { nodes { id nodeId } }
    two: workerEvents(datasetId: $two) { nodes { id nodeId } }
    three: reportEvents(reportId: $report) { nodes { ... on ReportEventItem { id nodeId } } }
  }`
  const read = async () => {
    const found = Object.values<{ nodes: { id: string; nodeId: string }[] }>(
      expectData(await server.graphql(query, { one, two, report })),
    )
    return found.flatMap(({ nodes }) => nodes)
  }
  const events = await read()
  expect(events.map((event) => event.id)).toEqual([id, id, id])
  expect(new Set(events.map((event) => event.nodeId)).size).toBe(3)
  expect(await read()).toEqual(events)
  for (const event of events) expect(await server.graphql(NODE, { id: event.nodeId })).toEqual({ data: { node: null } })
})

test('Objects that node cannot find are null, for any reason', async () => {
  const key = await newKey(server, organization, 'ADMIN')
  const other = await newOrganization(server)
  const hidden = [
    nodeId('Organization', other),
    nodeId('Dataset', await newDataset(server, other)),
    nodeId('Report', await newReport(server, other)),
  ]
  const missing = [
    ...['Organization', 'Dataset', 'Report', 'ApiKey'].map((type) => nodeId(type, randomUUID())),
    // Of another kind, of a type that is no node, and of none.
    nodeId('Report', dataset),
    nodeId('WorkerEvent', dataset),
    nodeId('Query', dataset),
    nodeId('Nothing', dataset),
    // The root key.
    nodeId('ApiKey', '00000000-0000-0000-0000-000000000000'),
  ]
  for (const id of [...hidden, ...missing])
    expect(await server.graphql(NODE, { id }, key)).toEqual({ data: { node: null } })
  for (const id of missing) expect(await server.graphql(NODE, { id })).toEqual({ data: { node: null } })
})

test.each([
  '',
  '1',
  'Dataset',
  randomUUID(),
  nodeId('Dataset', ''),
  nodeId('Dataset', 'x'),
  nodeId('Dataset', `${randomUUID()}\0`),
  nodeId('Dataset', `${randomUUID()}:${randomUUID()}`),
  nodeId('WorkerEvent', `${randomUUID()}:x`),
  nodeId('', randomUUID()),
  nodeId('__proto__', 'x'),
  nodeId('Dataset', randomUUID()).repeat(2),
])('An invalid nodeId is BAD_USER_INPUT: %j', async (id) => {
  expect(await server.graphql(NODE, { id })).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
  const nodes = 'query ($ids: [ID!]!) { nodes(ids: $ids) { nodeId } }'
  const { errors } = await server.graphql(nodes, { ids: [nodeId('Dataset', dataset), id] })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})

test('The error for an invalid nodeId does not depend on earlier calls of the same operation', async () => {
  const query = 'query ($id: ID!) { __typename node(id: $id) { nodeId } }'
  const invalid = () => server.graphql(query, { id: 'x' })
  const first = await invalid()
  expect(first).toMatchObject({ data: { __typename: 'Query', node: null }, errors: [{ path: ['node'] }] })
  expectData(await server.graphql(query, { id: nodeId('Dataset', dataset) }))
  expect(await invalid()).toEqual(first)
})

test('A variable with a default counts with it, whatever its name', async () => {
  const ids = JSON.stringify(Array(100).fill(nodeId('Report', report)))
  const snapshot = (_: unknown, i: number) => `s${i}: snapshot { blocks(first: 100) { node { seq } } }`
  const selection = `... on Report { ${Array.from({ length: 28 }, snapshot).join(' ')} }`
  const query = `query ($constructor: [ID!]! = ${ids}) { nodes(ids: $constructor) { ${selection} } }`
  expectData(await server.graphql(query, { constructor: [] }))
  expect((await server.graphql(query)).errors).toMatchObject([{ message: expect.stringMatching(/complexity/i) }])
})

test('nodes finds up to 100 objects, and each of them counts toward the cost', async () => {
  const nodes = `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }`
  const ids = Array(100).fill(nodeId('Dataset', dataset))
  expect(expectData(await server.graphql(nodes, { ids })).nodes).toEqual(Array(100).fill({ __typename: 'Dataset' }))
  expect((await server.graphql(nodes, { ids: [...ids, ids[0]] })).errors).toMatchObject([
    { extensions: { code: 'BAD_USER_INPUT' } },
  ])
  await using small = await startServer({ MAX_COST: '100' })
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { nodeId } }'
  expect((await small.graphql(query, { ids: ids.slice(1) })).errors).toBeUndefined()
  expect((await small.graphql(query, { ids })).errors).toMatchObject([
    { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
  ])
})
