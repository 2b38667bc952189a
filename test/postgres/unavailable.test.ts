import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { newDataset, newKey, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const EVENT = { eventType: 'ETL_STARTED' }

async function startBehindProxy() {
  const env = await freshDatabase()
  const proxy = await tcpProxy(String(env.DATABASE_URL))
  const server = await startServer({ ...env, DATABASE_URL: proxy.url })
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  const report = await newReport(server, organization)
  const key = await newKey(server, organization, 'WRITE')
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'tr-dataset': dataset }
  const query = `{ workerEvents(datasetId: "${dataset}") { totalCount } }`
  const record = `mutation { recordWorkerEvents(datasetId: "${dataset}", events: [{ eventType: ETL_STARTED }]) { results { seq } } }`
  return {
    proxy,
    server,
    dataset,
    page: () => server.graphql(query, {}, key),
    append: () => server.graphql(record, {}, key),
    trieve: () => fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' }),
    llamacloud: () => fetch(`${server.url}/api/v1/reports/${report}/events`, { headers }),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('Clients do not notice a short outage of the database', async () => {
  await using behind = await startBehindProxy()
  const { proxy, server, dataset, page, append, trieve, llamacloud } = behind
  await recordWorkerEvents(server, dataset, [EVENT])
  await proxy.cut()
  const asked = [page(), append(), append(), page()]
  const legacy = [trieve(), llamacloud()]
  // They have all met a database that is not there before it comes back.
  await new Promise((resolve) => setImmediate(resolve))
  await proxy.restore()
  for (const { errors } of await Promise.all(asked)) expect(errors).toBeUndefined()
  for (const { status } of await Promise.all(legacy)) expect(status).toBe(200)
  expect((await page()).data.workerEvents.totalCount).toBe(3)
})

test('During an outage of the database, every transport reports UNAVAILABLE with a time to retry, logged once', async () => {
  await using behind = await startBehindProxy()
  const { proxy, server, page, append, trieve, llamacloud } = behind
  const query = JSON.stringify({ query: '{ organization(id: "00000000-0000-0000-0000-000000000001") { id } }' })
  const asRoot = () =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.rootKey}`,
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
      },
      body: query,
    })
  await proxy.cut()
  const results = await Promise.all([page(), append(), page()])
  for (const { errors } of results)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 1 })
  for (const response of await Promise.all([asRoot(), asRoot(), asRoot(), trieve(), llamacloud()])) {
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
  }
  const lines = server.log.filter(({ level, msg }) => level >= 50 && /UNAVAILABLE/.test(msg))
  // One for keys, which are looked up elsewhere, and one for the rest.
  expect(lines.length).toBeLessThanOrEqual(2)
  await proxy.restore()
  expect((await page()).errors).toBeUndefined()
})
