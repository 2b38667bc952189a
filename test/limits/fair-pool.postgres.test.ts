import { afterAll, beforeAll, expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { holdLock } from '../support/lock.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let dataset: string
let key: string

beforeAll(async () => {
  server = await startServer()
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  key = await newKey(server, organization)
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
})
afterAll(() => server[Symbol.asyncDispose]())

const CREATE = 'mutation ($o: UUID!) { createDataset(input: { organizationId: $o }) { id } }'

test('While two organizations wait for locks with all their connections, a third gets one', async () => {
  const keys = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const organization = await newOrganization(server)
      return Promise.all(Array.from({ length: 20 }, () => newKey(server, organization)))
    }),
  )
  const holder = await holdLock(server.env, 'LOCK TABLE organization')
  let calls: Promise<unknown>[] = []
  let ended = 0
  try {
    const blocked = '{ organization(id: "00000000-0000-4000-8000-000000000000") { id } }'
    calls = keys.flat().map((key) => server.graphql(blocked, {}, key).finally(() => ended++))
    await until(async () => (await metric(server.url, 'tidemark_database_waiting')) > 20)
    const ask = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }'
    const { workerEvents } = expectData(await server.graphql(ask, { id: dataset }, key))
    expect(workerEvents.totalCount).toBe(1)
    expect(ended).toBe(0)
  } finally {
    await holder[Symbol.asyncDispose]()
  }
  await Promise.all(calls)
})

test.each([
  ['acts of a key', 1, CREATE, "SELECT 1 FROM api_key WHERE role = 'WRITE' FOR UPDATE"],
  ['acts of many keys of an organization', 20, CREATE, "SELECT 1 FROM api_key WHERE role = 'WRITE' FOR UPDATE"],
  ['statements', 20, 'query ($o: UUID!) { organization(id: $o) { id } }', 'LOCK TABLE organization'],
])('While %s wait for a lock, another organization has connections left', async (_, count, query, lock) => {
  const organization = await newOrganization(server)
  const keys = await Promise.all(Array.from({ length: count }, () => newKey(server, organization, 'WRITE')))
  const holder = await holdLock(server.env, lock)
  let calls: Promise<unknown>[] = []
  try {
    calls = Array.from({ length: 60 }, (_, i) => server.graphql(query, { o: organization }, keys[i % count]))
    const blocked = `SELECT count(*)::int AS n FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'`
    await until(async () => ((await runSql<{ n: number }>(server.env, blocked))[0]?.n ?? 0) > 0)
    const ask = 'query ($id: UUID!) { dataset(id: $id) { id } workerEvents(datasetId: $id) { totalCount } }'
    // When the last of these is done, all of the others have arrived.
    for (let i = 0; i < 20; i++) {
      const { workerEvents } = expectData(await server.graphql(ask, { id: dataset }, key))
      expect(workerEvents.totalCount).toBe(1)
    }
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  } finally {
    await holder[Symbol.asyncDispose]()
  }
  await Promise.all(calls)
})
