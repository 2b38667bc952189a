import { randomUUID } from 'node:crypto'
import { isNonNullType } from 'graphql'
import { expect } from 'vitest'
import { schema } from '../../src/schema/schema.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
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
  const after = `{ workerEvents(datasetId: "${dataset}", order: OLDEST_FIRST, after: "${data.first.results[0].cursor}") {
    totalCount nodes { seq } } }`
  expect(expectData(await server.graphql(after)).workerEvents).toEqual({ totalCount: 1, nodes: [] })
})
