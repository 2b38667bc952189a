import { randomUUID } from 'node:crypto'
import { isNonNullType } from 'graphql'
import { expect } from 'vitest'
import { schema } from '../../src/schema/schema.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { ASK } from '../support/transports.ts'

let server: TestServer
test.beforeAll(async ({ server: shared }) => {
  server = shared
})

test('The result of a mutation can be null, so that a failure leaves the results of those before it', () => {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {})
  expect(fields.length).toBeGreaterThan(10)
  expect(fields.filter(({ type }) => isNonNullType(type)).map(({ name }) => name)).toEqual([])
})

test.each(ASK)('Over %s, what a mutation has recorded is reported although the next one fails', async (_, ask) => {
  const dataset = await newDataset(server, await newOrganization(server))
  const query = `mutation {
    first: recordWorkerEvents(datasetId: "${dataset}", events: [{ eventType: ETL_STARTED }]) { results { seq cursor } }
    second: recordWorkerEvents(datasetId: "${randomUUID()}", events: [{ eventType: ETL_STARTED }]) { results { seq } }
  }`
  const { data, errors } = await ask(server.url, server.rootKey, JSON.stringify({ query }))
  expect(errors).toMatchObject([{ path: ['second'], extensions: { code: 'NOT_FOUND' } }])
  expect(data).toEqual({ first: { results: [{ seq: 1, cursor: expect.any(String) }] }, second: null })
  const after = `{ workerEvents(datasetId: "${dataset}", order: OLDEST_FIRST,
    after: "${data.first.results[0].cursor}") {
    totalCount nodes { seq } } }`
  expect(expectData(await server.graphql(after)).workerEvents).toEqual({ totalCount: 1, nodes: [] })
})

test('What a mutation has recorded is reported though a later part exceeds a limit, on all transports', async () => {
  await using small = await startServer({ MAX_COST: '500' })
  const organization = await newOrganization(small)
  const datasetIds = await Promise.all(Array.from({ length: 24 }, () => newDataset(small, organization)))
  const record = `recordWorkerEvents(datasetId: "${datasetIds[0]}", events: [{ eventType: ETL_STARTED }]) { results {
    seq } }`
  const lists = Array.from({ length: 25 }, (_, i) => `l${i}: datasetIds`).join(' ')
  const query = `mutation ($input: CreateApiKeyInput!) {
    first: ${record} second: createApiKey(input: $input) { apiKey { ${lists} } } third: ${record} }`
  const input = { organizationId: organization, role: 'READ', datasetIds }
  for (const [i, [, ask]] of ASK.entries()) {
    const { data, errors } = await ask(small.url, small.rootKey, JSON.stringify({ query, variables: { input } }))
    expect(data).toEqual({ first: { results: [{ seq: i + 1 }] }, second: null, third: null })
    expect(errors).toMatchObject([
      { path: ['second', 'apiKey', expect.any(String)], extensions: { code: 'BAD_USER_INPUT' } },
      { path: ['third'], extensions: { code: 'BAD_USER_INPUT' } },
    ])
  }
})

test('What a call may return is known to exceed the limits before anything of it is recorded', async () => {
  await using small = await startServer({ MAX_COST: '500' })
  const dataset = await newDataset(small, await newOrganization(small))
  const record = (count: number) => {
    const events = Array.from({ length: count }, () => ({ eventType: 'ETL_STARTED' }))
    return small.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
  }
  const count = async () =>
    expectData(await small.graphql(`{ workerEvents(datasetId: "${dataset}") { totalCount } }`)).workerEvents.totalCount
  expect(await record(200)).toMatchObject({ errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] })
  expect(await count()).toBe(0)
  expect(expectData(await record(90)).recordWorkerEvents.results).toHaveLength(90)
  expect(await count()).toBe(90)
})
