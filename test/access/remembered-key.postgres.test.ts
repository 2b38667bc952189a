import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { newDataset, newKey, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, type Result, startServer, type TestServer } from '../support/server.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

let proxy: TcpProxy
let server: TestServer
let organization: string
let dataset: string
let key: string
let lookUps = 0

const QUERY = 'query ($id: UUID!) { workerEvents(datasetId: $id) { nodes { seq } } }'
const EVENTS = [{ eventType: 'ETL_STARTED' }]
const hash = () => createHash('sha256').update(key).digest('hex')

beforeAll(async () => {
  const env = await freshDatabase()
  // A look-up of the key is a statement with its hash.
  proxy = await tcpProxy(String(env.DATABASE_URL), (chunk) => {
    if (key && chunk.includes(hash())) lookUps++
    return 0
  })
  server = await startServer({ ...env, DATABASE_URL: proxy.url })
  organization = await newOrganization(server)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
})
beforeEach(async () => {
  dataset = await newDataset(server, organization)
  key = await newKey(server, organization, 'WRITE')
  // A document is compiled when it is sent again.
  for (let seq = 1; seq <= 2; seq++) expect(seqs(await record())).toEqual([seq])
  lookUps = 0
})

const record = (events: object[] = EVENTS, id = dataset) => server.graphql(RECORD_WORKER_EVENTS, { id, events }, key)
const seqs = (result: Result) => expectData(result).recordWorkerEvents.results.map(({ seq }: { seq: number }) => seq)
const change = (set: string) => runSql(server.env, `UPDATE api_key SET ${set} WHERE hash = '${hash()}'`)

async function answer(events: object[] = EVENTS): Promise<{ status: number; codes: unknown[]; messages: unknown[] }> {
  const body = JSON.stringify({ query: RECORD_WORKER_EVENTS, variables: { id: dataset, events } })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body })
  const { errors = [] } = (await response.json()) as Result
  return {
    status: response.status,
    codes: errors.map(({ extensions }) => extensions.code),
    messages: errors.map(({ message }) => message),
  }
}

test('An append of a key that has worked before needs no look-up of the key, and anything else does', async () => {
  expect(seqs(await record())).toEqual([3])
  expect(lookUps).toBe(0)
  const twice = RECORD_WORKER_EVENTS.replace(
    '{',
    '{ __typename again: recordWorkerEvents(datasetId: $id, events: $events) { __typename }',
  )
  for (const query of [QUERY, twice]) {
    lookUps = 0
    expectData(await server.graphql(query, { id: dataset, ...(query === twice && { events: EVENTS }) }, key))
    expect(lookUps).toBe(1)
  }
  // Too large to be read without a valid key.
  lookUps = 0
  await record([{ eventType: 'ETL_STARTED', eventData: 'x'.repeat(20_000) }])
  expect(lookUps).toBe(1)
})

test('An error of an append is sent once the key is found to be what it was', async () => {
  const other = await newDataset(server, await newOrganization(server))
  lookUps = 0
  expect((await record(EVENTS, other)).errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  expect((await record([{ eventType: 'ETL_STARTED', eventData: 2 ** 60 }])).errors).toMatchObject([
    { extensions: { code: 'BAD_USER_INPUT' } },
  ])
  expect(lookUps).toBe(2)
})

test.for([
  ['is revoked', 'revoked_at = now()', 'UNAUTHENTICATED'],
  ['expires', 'expires_at = now()', 'UNAUTHENTICATED'],
  ['loses its role', `role = 'READ'`, 'FORBIDDEN'],
  ['is restricted to other datasets', 'dataset_ids = ARRAY[gen_random_uuid()]', 'NOT_FOUND'],
])('A key that %s records nothing more, with the error that it gets at any server', async ([, set, code]) => {
  await change(set as string)
  const [remembered, again] = [await answer(), await answer()]
  expect(remembered).toEqual(again)
  expect(remembered.codes).toEqual([code])
  const rows = await runSql(server.env, `SELECT seq FROM event WHERE stream_id = '${dataset}'`)
  expect(rows).toHaveLength(2)
})

test.for([
  ['no events', []],
  ['an invalid event', [{ eventType: 'ETL_STARTED', eventData: 2 ** 60 }]],
])('A key that has expired learns nothing by %s', async ([, events]) => {
  await change('expires_at = now()')
  expect(await answer(events as object[])).toMatchObject({ codes: ['UNAUTHENTICATED'] })
})
