import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

/** The administrator's server and the subscribers' server: different nodes where the database can be shared. */
let here: TestServer
let there: TestServer

beforeAll(async () => {
  here = await startServer()
  there = inject('mode') === 'postgres' ? await startServer(here.env) : here
})
afterAll(async () => {
  await here[Symbol.asyncDispose]()
  if (there !== here) await there[Symbol.asyncDispose]()
})

interface Listed {
  id: string
  streamId: string
  lag: number
}

const LIST = `query ($id: UUID!) {
  liveConnections(organizationId: $id) { nodes { id apiKey { role prefix }
  streamId transport operationName openedAt lag } }
}`
const END = 'mutation ($id: UUID!) { endLiveConnection(id: $id) { id } }'
const list = async (id: string, key?: string): Promise<Listed[]> =>
  expectData(await here.graphql(LIST, { id }, key)).liveConnections.nodes

test('An administrator lists live connections with stream, start and lag, and ends one', async () => {
  const organization = await newOrganization(here)
  const [admin, reader] = [await newKey(here, organization, 'ADMIN'), await newKey(here, organization)]
  const dataset = await newDataset(here, organization)
  const report = await newReport(here, organization)
  await recordWorkerEvents(
    here,
    dataset,
    Array.from({ length: 5 }, () => ({ eventType: 'ETL_STARTED' })),
  )
  const begin = Date.now()
  const query = `subscription Dashboard ($id: UUID!, $types: [WorkerEventType!]) {
    workerEvents(datasetId: $id, types: $types, from: BEGINNING) { cursor node { seq } }
  }`
  const whole = overWebSocket(there.url, reader, query, { id: dataset })
  // Receives nothing, and therefore lags.
  const filtered = overSse(there.url, there.rootKey, query, { id: dataset, types: ['ETL_FAILED'] })
  const legacy = new AbortController()
  onTestFinished(async () => {
    legacy.abort()
    await Promise.all([whole.end(), filtered.end()])
  })
  await whole.take(5)
  const stream = await fetch(`${there.url}/api/v1/reports/${report}/events`, {
    headers: { authorization: `Bearer ${reader}`, accept: 'text/event-stream' },
    signal: legacy.signal,
  })
  await until(async () => (await list(organization, admin)).filter(({ lag }) => lag === 0).length === 2)
  const listed = await list(organization, admin)
  const prefix = reader.slice(0, 16)
  const common = { openedAt: expect.any(String), apiKey: { role: 'READ', prefix } }
  expect(listed.toSorted((a, b) => b.lag - a.lag || (a.streamId === dataset ? -1 : 1))).toEqual([
    { ...listed.find(({ lag }) => lag > 0), apiKey: null, streamId: dataset, transport: 'SERVER_SENT_EVENTS', lag: 5 },
    expect.objectContaining({ ...common, streamId: dataset, transport: 'WEBSOCKET', operationName: 'Dashboard' }),
    expect.objectContaining({ ...common, streamId: report, transport: 'SERVER_SENT_EVENTS' }),
  ])
  for (const { openedAt } of listed as unknown as { openedAt: string }[])
    expect(new Date(openedAt).getTime()).toBeGreaterThanOrEqual(begin - 1)

  const [slow] = listed.filter(({ lag }) => lag === 5)
  for (let i = 0; i < 2; i++) expectData(await here.graphql(END, { id: slow?.id }, admin))
  expect(await filtered.failure()).toBe('FORBIDDEN')
  await recordWorkerEvents(here, dataset, [{ eventType: 'ETL_STARTED' }])
  expect(await whole.take(1)).toHaveLength(1)
  await until(async () => (await list(organization, admin)).length === 2)
  // Read last: a response that is garbage-collected ends its stream.
  expect(stream.status).toBe(200)
  const entries =
    'query ($id: UUID!) { auditEntries(organizationId: $id, first: 2) { nodes { action subjectId details } } }'
  expect(expectData(await here.graphql(entries, { id: organization })).auditEntries.nodes).toEqual([
    { action: 'END_CONNECTION', subjectId: slow?.id, details: { apiKeyId: null, streamId: dataset } },
    expect.objectContaining({ action: 'CREATE_REPORT' }),
  ])
})

test('Connections of another organization can be neither listed nor ended', async () => {
  const [mine, other] = [await newOrganization(here), await newOrganization(here)]
  const [admin, foreigner] = [await newKey(here, mine, 'ADMIN'), await newKey(here, other, 'ADMIN')]
  const report = await newReport(here, mine)
  await recordReportEvents(here, report, [{ progress: { variant: 'EDITING', message: 'one' } }])
  const query = 'subscription ($id: UUID!) { reportEvents(reportId: $id) { cursor } }'
  const reader = overWebSocket(there.url, admin, query, { id: report })
  onTestFinished(() => reader.end())
  await until(async () => (await list(mine, admin)).length === 1)
  expect(await list(other, foreigner)).toEqual([])
  const [{ id }] = (await list(mine, admin)) as [Listed]
  const { errors } = await here.graphql(END, { id }, foreigner)
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  await reader.end()
  await until(async () => (await list(mine, admin)).length === 0)
})
