import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { holdingProxy } from '../support/holding-proxy.ts'
import { holdLock } from '../support/lock.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const UNAUTHENTICATED = [{ extensions: { code: 'UNAUTHENTICATED' } }]

async function newKey(server: TestServer, organizationId: string, role: string): Promise<{ key: string; id: string }> {
  const create = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
  const { createApiKey } = expectData(await server.graphql(create, { input: { organizationId, role } }))
  return { key: createApiKey.key, id: createApiKey.apiKey.id }
}

async function revoke(server: TestServer, id: string): Promise<void> {
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id }))
}

test('A key that is revoked after a request was admitted reads nothing that was recorded later', async () => {
  const env = await freshDatabase()
  await using proxy = await holdingProxy(String(env.DATABASE_URL))
  await using reader = await startServer({ ...env, DATABASE_URL: proxy.url })
  await using other = await startServer(env)
  const organizationId = await newOrganization(other)
  const dataset = await newDataset(other, organizationId)
  const { key, id } = await newKey(other, organizationId, 'READ')
  const query = `{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`
  expect((await reader.graphql(query, {}, key)).errors).toBeUndefined()

  // The key as it was looked up for the request, which then waits.
  const held = proxy.hold(id)
  const page = reader.graphql(query, {}, key)
  await held
  await revoke(other, id)
  await recordWorkerEvents(other, dataset, [{ eventType: 'ETL_STARTED' }])
  proxy.release()
  expect((await page).errors).toMatchObject(UNAUTHENTICATED)
})

test('A key revoked while its append waits records nothing, and others of the same transaction do', async () => {
  await using server = await startServer(await freshDatabase())
  const organizationId = await newOrganization(server)
  const dataset = await newDataset(server, organizationId)
  const [revoked, kept] = [await newKey(server, organizationId, 'WRITE'), await newKey(server, organizationId, 'WRITE')]
  const record = ({ key }: { key: string }) =>
    server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events: [{ eventType: 'ETL_STARTED' }] }, key)
  const waiting = (count: number) =>
    until(async () => (await metric(server.url, 'tidemark_append_queue_events')) === count)

  // The transaction of the first one waits, and is begun again, then with the others.
  const held = await holdLock(server.env, 'SELECT 1 FROM stream WHERE id = $1 FOR UPDATE', [dataset])
  const first = record(kept)
  await waiting(1)
  const [denied, permitted] = [record(revoked), record(kept)]
  await waiting(3)
  await revoke(server, revoked.id)
  expect((await denied).errors).toMatchObject(UNAUTHENTICATED)
  await held[Symbol.asyncDispose]()
  const results = [expectData(await first), expectData(await permitted)]
  expect(results.map(({ recordWorkerEvents }) => recordWorkerEvents.results[0].seq)).toEqual([1, 2])
})

test('A dataset that was deleted through another server takes no events', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  await using other = await startServer(env)
  const organizationId = await newOrganization(server)
  const dataset = await newDataset(server, organizationId)
  const { key } = await newKey(server, organizationId, 'WRITE')
  const record = (events: object[]) => server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events }, key)
  expectData(await record([{ eventType: 'ETL_STARTED' }]))
  const remove = 'mutation ($id: UUID!) { deleteDataset(id: $id, confirm: "DATASET") { id } }'.replace(
    'DATASET',
    dataset,
  )
  expectData(await other.graphql(remove, { id: dataset }))
  for (const events of [[{ eventType: 'ETL_STARTED' }], []])
    expect((await record(events)).errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
})
