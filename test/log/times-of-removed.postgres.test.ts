import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { holdingProxy } from '../support/holding-proxy.ts'
import { keepInDataset, keptIn } from '../support/retention.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const PAGE = `query ($id: UUID!, $until: DateTime) {
  workerEvents(datasetId: $id, until: $until, order: OLDEST_FIRST) { nodes { seq createdAt } }
}`

test('A page until a time has nothing of that time or later, even if events are removed meanwhile', async () => {
  const env = await freshDatabase()
  await using proxy = await holdingProxy(String(env.DATABASE_URL))
  await using reader = await startServer({ ...env, DATABASE_URL: proxy.url })
  await using other = await startServer(env)
  const id = await newDataset(other, await newOrganization(other))
  for (let i = 0; i < 6; i++) await recordWorkerEvents(other, id, [{ eventType: 'ETL_STARTED' }])
  // From here on, the events are in the memory of the reader.
  const { nodes } = expectData(await reader.graphql(PAGE, { id })).workerEvents
  expect(nodes).toHaveLength(6)

  // The state of the stream, before the events that the page ends with are removed.
  const held = proxy.hold(id)
  const page = reader.graphql(PAGE, { id, until: nodes[2].createdAt })
  await held
  await keepInDataset(other, id, { maxEvents: 2 })
  await until(async () => (await keptIn(other, id)) === 2)
  proxy.release()
  expect(expectData(await page).workerEvents.nodes).toEqual([])
})
