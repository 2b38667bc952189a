import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type StatementProxy, statementProxy } from '../support/statements.ts'
import { overWebSocket, type Subscription } from '../support/subscribe.ts'

const STREAMS = 40

let proxy: StatementProxy
let server: TestServer
let key: string
let datasets: string[]
const closers = new AsyncDisposableStack()

beforeAll(async () => {
  const env = await freshDatabase()
  proxy = closers.use(await statementProxy(env.DATABASE_URL as string))
  server = closers.use(await startServer({ ...env, DATABASE_URL: proxy.url }))
  const organization = await newOrganization(server)
  key = await newKey(server, organization)
  datasets = await Promise.all(Array.from({ length: STREAMS }, () => newDataset(server, organization)))
})
afterAll(() => closers.disposeAsync())

const QUERY = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { node { seq eventData } } }'

const event = (eventData: unknown) => ({ eventType: 'ETL_STARTED', eventData })

test('Streams that grow at once share statements, and each follower has all events of its stream', async () => {
  const subscriptions: Subscription[] = []
  for (const id of datasets) subscriptions.push(overWebSocket(server.url, key, QUERY, { id }))
  await subscriptions[0]?.opened(server, STREAMS)
  // More than a share, and a payload that is larger than one: these streams are read alone.
  const [many, long] = [Array.from({ length: 100 }, (_, i) => event(i)), [event('x'.repeat(100_000)), event('y')]]
  const recorded = datasets.map((_, i) => (i === 0 ? many : i === 1 ? long : [event(i), event(`second of ${i}`)]))
  proxy.statements.length = 0
  // Through another server, as all of them are found by one comparison of the heads.
  await using other = await startServer(server.env)
  await Promise.all(datasets.map((id, i) => recordWorkerEvents(other, id, recorded[i] ?? [])))
  for (const [i, subscription] of subscriptions.entries()) {
    const events = recorded[i] ?? []
    const received = (await subscription.take(events.length)).map(({ node }) => node)
    expect(received).toEqual(events.map(({ eventData }, at) => ({ seq: at + 1, eventData })))
  }
  const reads = proxy.statements.filter((text) => /FROM (event e|unnest\(.*AS q \(id, low, n\))/s.test(text))
  expect(reads.length).toBeGreaterThan(0)
  expect(reads.length).toBeLessThan(STREAMS)
  await Promise.all(subscriptions.map((subscription) => subscription.end()))
})
