import { randomUUID } from 'node:crypto'
import { EventSource } from 'eventsource'
import { describe, expect, onTestFinished } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

let server: TestServer
let authorization: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  authorization = `Bearer ${server.rootKey}`
})

const creating = (id: string) => `mutation { createOrganization(input: { id: "${id}", name: "Acme" }) { id } }`

async function exists(id: string): Promise<boolean> {
  const { organization } = expectData(
    await server.graphql('query ($id: UUID!) { organization(id: $id) { id } }', { id }),
  )
  return organization !== null
}

describe('A body that a page can send without a preflight runs nothing, even with a key of the browser:', () => {
  const json = (query: string) => JSON.stringify({ query })
  test.each<[string, string | undefined, (query: string) => string]>([
    ['a form', 'application/x-www-form-urlencoded', (query) => new URLSearchParams({ query }).toString()],
    ['a form in capitals', 'Application/X-WWW-Form-URLencoded; charset=utf-8', (query) => `query=${escape(query)}`],
    ['a form with parts', 'multipart/form-data; boundary=x', json],
    ['plain text', 'text/plain', json],
    ['plain text that also says JSON', 'text/plain; application/json', json],
    ['one without a type', undefined, json],
  ])('%s', async (_name, type, write) => {
    const id = randomUUID()
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { authorization, accept, ...(type && { 'content-type': type }) },
        body: Buffer.from(write(creating(id))),
      })
      expect(response.status).toBe(403)
      expect(await response.text()).toContain('"code":"BAD_REQUEST"')
    }
    expect(await exists(id)).toBe(false)
  })
})

test('A client that has to send a form sets a header that needs a preflight', async () => {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'x-graphql-yoga-csrf': '1' },
    body: new URLSearchParams({ query: '{ __typename }' }),
  })
  expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
})

test('GET runs no mutation', async () => {
  const id = randomUUID()
  for (const accept of ['application/json', 'text/event-stream', '*/*']) {
    const address = `${server.url}/graphql?query=${encodeURIComponent(creating(id))}`
    expect((await fetch(address, { headers: { authorization, accept } })).status).toBe(405)
  }
  expect(await exists(id)).toBe(false)
})

test('GET runs a query, with and without a key', async () => {
  const address = `${server.url}/graphql?query=${encodeURIComponent('{ __typename }')}`
  for (const headers of [{ authorization }, {}] as Record<string, string>[]) {
    expect(await (await fetch(address, { headers })).json()).toEqual({ data: { __typename: 'Query' } })
  }
})

test('An EventSource with a key subscribes', async () => {
  const dataset = await newDataset(server, await newOrganization(server))
  const [recorded] = await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  const query = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { cursor } }`
  const source = new EventSource(`${server.url}/graphql?query=${encodeURIComponent(query)}`, {
    fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, authorization } }),
  })
  onTestFinished(() => source.close())
  const event = await new Promise<MessageEvent>((resolve, reject) => {
    source.addEventListener('next', resolve)
    source.addEventListener('error', reject)
  })
  expect(JSON.parse(event.data)).toEqual({ data: { workerEvents: { cursor: recorded?.cursor } } })
})
