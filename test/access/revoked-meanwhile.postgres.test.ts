import { EventEmitter, once } from 'node:events'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

test('A key that is revoked after a request was admitted reads nothing that was recorded later', async () => {
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
  const organizationId = await newOrganization(other)
  const dataset = await newDataset(other, organizationId)
  const create = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
  const { createApiKey } = expectData(await other.graphql(create, { input: { organizationId, role: 'READ' } }))
  const { key, apiKey } = createApiKey
  const query = `{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`
  expect((await reader.graphql(query, {}, key)).errors).toBeUndefined()

  // The key as it was looked up for the request, which then waits.
  wanted = apiKey.id
  const page = reader.graphql(query, {}, key)
  await held
  expectData(await other.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: apiKey.id }))
  await recordWorkerEvents(other, dataset, [{ eventType: 'ETL_STARTED' }])
  happened.emit('released')
  expect((await page).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
})
