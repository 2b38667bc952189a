import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileOf, workerLine } from '../support/lines.ts'
import { tidemark } from '../support/process.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'
import { tailReads, wakeupState } from '../support/wakeups.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
  await until(async () => (await wakeupState(server.url)).connected)
})
afterAll(() => server[Symbol.asyncDispose]())

test('A subscriber of a running server receives imported events, woken by the import', async () => {
  const dataset = await newDataset(server, await newOrganization(server))
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor node { seq createdAt } } }'
  const subscription = overSse(server.url, server.rootKey, query, { id: dataset })
  await server.followers(1)
  const before = await tailReads(server.url, 'postgres')
  const importing = tidemark(['import', '-'], { ...server.env }, 'pipe')
  importing.child.stdin?.end(fileOf([workerLine(dataset, 1), workerLine(dataset, 2)]))
  const edges = await subscription.take(2)
  expect(edges.map(({ node }) => node)).toEqual([
    { seq: 1, createdAt: '2024-01-01T00:00:01.000Z' },
    { seq: 2, createdAt: '2024-01-01T00:00:02.000Z' },
  ])
  expect(await importing.exited).toBe(0)
  await subscription.end()
  expect(await tailReads(server.url, 'postgres')).toBeGreaterThan(before)
})
