import { expect, test } from 'vitest'
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
