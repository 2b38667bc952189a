import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faketimeInstalled, settableClock } from '../support/clock.ts'
import { datasetLine, fileOf, organizationLine, workerLine } from '../support/lines.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { tidemark } from '../support/process.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
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

test('An import goes on after the database was away, also with what its events belong to', async () => {
  await using proxy = await tcpProxy(String(server.env.DATABASE_URL))
  const importing = tidemark(['import', '-', '--json'], { ...server.env, DATABASE_URL: proxy.url }, 'pipe')
  const organization = randomUUID()
  const datasets = [randomUUID(), randomUUID()]
  const total = async (id: string | undefined) => {
    const { data } = await server.graphql('query ($id: UUID!) { dataset(id: $id) { eventCount } }', { id })
    return data.dataset?.eventCount
  }
  const partOf = (id: string) =>
    fileOf([datasetLine(id, organization, { head: 3 }), ...[1, 2, 3].map((seq) => workerLine(id, seq))])
  importing.child.stdin?.write(`${organizationLine(organization)}\n${partOf(datasets[0] as string)}`)
  await until(async () => (await total(datasets[0])) === 3)
  await proxy.cut()
  importing.child.stdin?.end(partOf(datasets[1] as string))
  // It has read all, and meets a database that is not there.
  await until(() => importing.child.stdin?.writableLength === 0)
  await proxy.restore()
  expect(await importing.exited).toBe(0)
  expect(JSON.parse(importing.output.stdout)).toMatchObject({ read: 6, rejected: 0 })
  expect(await total(datasets[1])).toBe(3)
})

test.skipIf(!faketimeInstalled)(
  'An import waits two minutes for a stream that others have locked, then names it',
  async () => {
    const dataset = await newDataset(server, await newOrganization(server))
    const lines = fileOf([workerLine(dataset, 1), workerLine(dataset, 2)])
    const clock = settableClock(true)
    {
      await using _lock = await holdLock(server.env, 'SELECT FROM stream WHERE id = $1 FOR UPDATE', [dataset])
      const importing = tidemark(['import', '-'], { ...server.env, ...clock.env }, 'pipe')
      importing.child.stdin?.end(lines)
      await until(async () => (await lockWaits(server.env)) > 0)
      // Faster, not at once: a statement in progress would take too long.
      clock.set('+0s x8')
      expect(await importing.exited).toBe(1)
      expect(importing.output.stderr).toMatch(
        new RegExp(`^Stream ${dataset} is locked by another transaction\\.$`, 'm'),
      )
      expect(importing.output.stdout).toMatch(/^recorded +0$/m)
    }
    const again = tidemark(['import', '-'], { ...server.env }, 'pipe')
    again.child.stdin?.end(lines)
    expect(await again.exited).toBe(0)
    expect(again.output.stdout).toMatch(/^recorded +2$/m)
  },
)
