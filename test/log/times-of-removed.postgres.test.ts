import { EventEmitter, once } from 'node:events'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { keepInDataset, keptIn } from '../support/retention.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const PAGE = `query ($id: UUID!, $until: DateTime) {
  workerEvents(datasetId: $id, until: $until, order: OLDEST_FIRST) { nodes { seq createdAt } }
}`

test('A page until a time has nothing of that time or later, even if events are removed meanwhile', async () => {
  const env = await freshDatabase()
  let wanted = ''
  const happened = new EventEmitter()
  const [held, released] = [once(happened, 'held'), once(happened, 'released')]
  await using proxy = await tcpProxy(String(env.DATABASE_URL), (chunk) => {
    if (wanted === '' || !chunk.includes(wanted)) return 0
    wanted = ''
    happened.emit('held')
    return released
  })
  await using reader = await startServer({ ...env, DATABASE_URL: proxy.url })
  await using other = await startServer(env)
  const id = await newDataset(other, await newOrganization(other))
  for (let i = 0; i < 6; i++) await recordWorkerEvents(other, id, [{ eventType: 'ETL_STARTED' }])
  // From here on, the events are in the memory of the reader.
  const { nodes } = expectData(await reader.graphql(PAGE, { id })).workerEvents
  expect(nodes).toHaveLength(6)

  // The state of the stream, before the events that the page ends with are removed.
  wanted = id
  const page = reader.graphql(PAGE, { id, until: nodes[2].createdAt })
  await held
  await keepInDataset(other, id, { maxEvents: 2 })
  await until(async () => (await keptIn(other, id)) === 2)
  happened.emit('released')
  expect(expectData(await page).workerEvents.nodes).toEqual([])
})
