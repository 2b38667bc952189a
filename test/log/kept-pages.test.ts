import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

// The text of a page is kept when it is made for the second time, so the third response is the first from there.
const TIMES = 4

let server: TestServer
let organization: string
test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
})

const NEWEST = `query ($id: UUID!, $first: Int) {
  workerEvents(datasetId: $id, first: $first) { nodes { id seq eventData redactedAt } edges { cursor } }
}`

async function seen<Value>(read: () => Promise<Value>): Promise<Value> {
  const first = await read()
  for (let time = 1; time < TIMES; time++) expect(await read()).toEqual(first)
  return first
}

const event = (eventData: unknown) => ({ id: randomUUID(), eventType: 'FILE_UPLOADED', eventData })

test('A page that was asked for before shows what was appended, redacted and asked for since', async () => {
  const dataset = await newDataset(server, organization)
  const [first, second] = [event({ note: 'one' }), event({ note: 'two' })]
  await recordWorkerEvents(server, dataset, [first])
  const page = async (count?: number) =>
    expectData(await server.graphql(NEWEST, { id: dataset, first: count })).workerEvents.nodes
  const trieve = async () => {
    const headers = { authorization: server.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' })
    return ((await response.json()) as { events: { id: string; event_data: string }[] }).events
  }
  expect(await seen(page)).toMatchObject([{ id: first.id, seq: 1, eventData: first.eventData, redactedAt: null }])
  expect(await seen(trieve)).toMatchObject([{ id: first.id, event_data: '{"note":"one"}' }])
  await recordWorkerEvents(server, dataset, [second])
  expect(await seen(page)).toMatchObject([{ id: second.id }, { id: first.id }])
  expect(await seen(() => page(1))).toMatchObject([{ id: second.id }])
  expect(await seen(trieve)).toMatchObject([{ id: second.id }, { id: first.id }])
  const redact = 'mutation ($dataset: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $dataset, id: $id) { seq } }'
  expectData(await server.graphql(redact, { dataset, id: first.id }))
  expect(await seen(page)).toMatchObject([{ eventData: second.eventData }, { eventData: null }])
  expect(await seen(trieve)).toMatchObject([{ event_data: '{"note":"two"}' }, { event_data: 'null' }])
})

test('A list of a report that was asked for before shows what was appended since', async () => {
  const report = await newReport(server, organization)
  const update = (progress: number) => ({
    progress: { groupId: randomUUID(), variant: 'EXTRACT_PLAN', message: 'm', progress, status: 'IN_PROGRESS' },
  })
  const list = async (search = ''): Promise<object[]> => {
    const headers = { authorization: `Bearer ${server.rootKey}` }
    const response = await fetch(`${server.url}/api/v1/reports/${report}/events${search}`, { headers })
    return (await response.json()) as object[]
  }
  await recordReportEvents(server, report, [update(0.1)])
  const [first] = await seen(list)
  await recordReportEvents(server, report, [update(0.2)])
  const both = await seen(list)
  expect(both).toHaveLength(2)
  expect(both[0]).toEqual(first)
  expect(await seen(() => list('?last_sequence=1'))).toEqual([both[1]])
})

test('A page that is kept is shown only to keys that may see it', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [event({ note: 'one' })])
  await seen(async () => expectData(await server.graphql(NEWEST, { id: dataset })))
  const stranger = await newKey(server, await newOrganization(server), 'READ')
  const { errors } = await server.graphql(NEWEST, { id: dataset }, stranger)
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
})
