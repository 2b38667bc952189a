import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const LIST = 'query ($id: UUID!) { liveConnections(organizationId: $id) { nodes { id } } }'

test('The live connections of a killed server are no longer listed', async () => {
  await using here = await startServer()
  const list = async (id: string) => expectData(await here.graphql(LIST, { id })).liveConnections.nodes
  const organization = await newOrganization(here)
  const dataset = await newDataset(here, organization)
  const third = await startServer(here.env)
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'
  const reader = overSse(third.url, third.rootKey, query, { id: dataset })
  await until(async () => (await list(organization)).length === 1)
  await third[Symbol.asyncDispose]()
  expect(await list(organization)).toEqual([])
  await reader.end()
})

test('A server that others took for gone lists its connections again', async () => {
  await using here = await startServer()
  const list = async (id: string) => expectData(await here.graphql(LIST, { id })).liveConnections.nodes
  const organization = await newOrganization(here)
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'
  const reader = overSse(here.url, here.rootKey, query, { id: await newDataset(here, organization) })
  await until(async () => (await list(organization)).length === 1)
  // As another server does after it has heard nothing for minutes.
  await runSql(here.env, 'DELETE FROM live_node')
  expect(await list(organization)).toEqual([])
  await until(async () => (await list(organization)).length === 1)
  await reader.end()
})
