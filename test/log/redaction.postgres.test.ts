import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { holdingProxy } from '../support/holding-proxy.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

const NODE = 'node { seq eventData redactedAt }'
const EDGES = `subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor ${NODE} } }`
const BATCHES = `subscription ($id: UUID!) { workerEventBatches(datasetId: $id, from: BEGINNING) { edges { ${NODE} } } }`

test('A reader that comes after a redaction gets no content, though its server has not been notified', async () => {
  const env = await freshDatabase()
  await using proxy = await holdingProxy(String(env.DATABASE_URL))
  await using server = await startServer({ ...env, DATABASE_URL: proxy.url })
  await using other = await startServer(env)
  const organization = await newOrganization(other)
  const key = await newKey(other, organization)
  const dataset = await newDataset(other, organization)
  // While it follows, the server keeps the newest events.
  const first = overSse(server.url, key, EDGES, { id: dataset })
  onTestFinished(() => first.end())
  await first.start()
  const [event] = await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventData: 'secret' }])
  expect(await first.take(1)).toMatchObject([{ node: { eventData: 'secret' } }])

  const notified = proxy.hold(dataset)
  const redact = 'mutation ($of: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $of, id: $id) { redactedAt } }'
  expectData(await other.graphql(redact, { of: dataset, id: event?.id }))
  await notified
  for (const subscribe of [overSse, overWebSocket]) {
    const edges = subscribe(server.url, key, EDGES, { id: dataset })
    expect(await edges.take(1)).toMatchObject([{ node: { seq: 1, eventData: null } }])
    const batches = subscribe(server.url, key, BATCHES, { id: dataset })
    expect(await batches.take(1)).toMatchObject([{ edges: [{ node: { seq: 1, eventData: null } }] }])
    await Promise.all([edges.end(), batches.end()])
  }
  proxy.release()
})
