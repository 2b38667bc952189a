import { randomUUID } from 'node:crypto'
import { serverAudits } from 'graphql-http'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const audits = serverAudits({ url: () => `${server.url}/graphql` })

test('The audit suite is not empty', () => expect(audits.length).toBeGreaterThan(60))

for (const { id, name, fn } of audits) {
  test(`GraphQL over HTTP ${id}: ${name}`, async () => {
    expect(await fn()).toMatchObject({ status: 'ok' })
  })
}

/** The statuses of a request that accepts GraphQL's media type, and of one that accepts JSON. */
async function statuses(query: string, key?: string): Promise<number[]> {
  const found: number[] = []
  for (const accept of ['application/graphql-response+json', 'application/json']) {
    const headers = { 'content-type': 'application/json', accept, ...(key && { authorization: `Bearer ${key}` }) }
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
    found.push(response.status)
    expect(response.headers.get('content-type')).toContain(accept)
    expect((await response.text()).includes('"http"')).toBe(false)
  }
  return found
}

test('What is not executed has the status of its error', async () => {
  const dataset = await newDataset(server, await newOrganization(server))
  const follow = (id: string, after = '') => `subscription { workerEvents(datasetId: "${id}"${after}) { cursor } }`
  expect(await statuses(`{ dataset(id: "${dataset}") { id } }`)).toEqual([401, 401])
  expect(await statuses(`{ dataset(id: "${dataset}") { id } }`, 'wrong')).toEqual([401, 401])
  expect(await statuses(follow(dataset), 'wrong')).toEqual([401, 401])
  expect(await statuses(follow(randomUUID()), server.rootKey)).toEqual([404, 200])
  expect(await statuses(follow(dataset, ', after: "x"'), server.rootKey)).toEqual([400, 200])
  expect(await statuses('{ noSuchField }', server.rootKey)).toEqual([400, 200])
  // Executed.
  expect(await statuses(`{ workerEvents(datasetId: "${randomUUID()}") { totalCount } }`, server.rootKey)).toEqual([
    200, 200,
  ])
})

test('A body that is not UTF-8 is rejected, and nothing of it is stored changed', async () => {
  const dataset = await newDataset(server, await newOrganization(server))
  const body = JSON.stringify({
    query: RECORD_WORKER_EVENTS,
    variables: { id: dataset, events: [{ eventType: 'ETL_STARTED', eventData: 'caf\u00e9' }] },
  })
  for (const contentType of ['application/json', 'application/json; charset=latin1', 'application/graphql+json']) {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': contentType, authorization: `Bearer ${server.rootKey}` },
      body: Buffer.from(body, 'latin1'),
    })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
    ])
  }
  const { data } = await server.graphql(`{ workerEvents(datasetId: "${dataset}") { totalCount } }`)
  expect(data.workerEvents.totalCount).toBe(0)
})
