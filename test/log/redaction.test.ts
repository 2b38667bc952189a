import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

let server: TestServer
let organization: string
test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
})

const REDACT = `mutation ($dataset: UUID!, $id: UUID!) {
  redactWorkerEvent(datasetId: $dataset, id: $id) { seq id eventType eventData eventDataText createdAt redactedAt }
}`
const EVENTS = `query ($id: UUID!) {
  workerEvents(datasetId: $id, order: OLDEST_FIRST) { totalCount nodes {
  seq id eventType eventData eventDataText createdAt redactedAt } }
}`
const LIVE =
  'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq eventDataText ' +
  'redactedAt } } }'

const SECRET = 'a-secret-name'

test('The payload of a worker event is removed permanently, and its position remains', async () => {
  const dataset = await newDataset(server, organization)
  const events = [{ note: 'before' }, { file_name: SECRET }, { note: 'after' }].map((eventData) => ({
    id: randomUUID(),
    eventType: 'FILE_UPLOADED',
    eventData,
  }))
  await recordWorkerEvents(server, dataset, events)
  const { nodes } = expectData(await server.graphql(EVENTS, { id: dataset })).workerEvents
  // With a follower: payloads cached in memory for it must be dropped, too.
  const follower = overWebSocket(server.url, server.rootKey, LIVE, { id: dataset })
  expect((await follower.take(3)).map(({ node }) => node.redactedAt)).toEqual([null, null, null])
  const id = events[1]?.id
  const { redactWorkerEvent } = expectData(await server.graphql(REDACT, { dataset, id }))
  expect(redactWorkerEvent).toEqual({
    ...nodes[1],
    eventData: null,
    eventDataText: 'null',
    redactedAt: expect.any(String),
  })
  const again = expectData(await server.graphql(EVENTS, { id: dataset })).workerEvents
  expect(again).toEqual({ totalCount: 3, nodes: [nodes[0], redactWorkerEvent, nodes[2]] })
  const late = overSse(server.url, server.rootKey, LIVE, { id: dataset })
  expect(JSON.stringify(await late.take(3))).not.toContain(SECRET)
  const headers = { authorization: server.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' }
  const legacy = await fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' })
  expect(await legacy.text()).not.toContain(SECRET)
  // A retry of a recorded event is a duplicate; the redacted content is not a conflict.
  expect(await recordWorkerEvents(server, dataset, [events[1] as object])).toMatchObject([
    { outcome: 'DUPLICATE', seq: 2 },
  ])
  // Redacting again has no effect.
  expect(expectData(await server.graphql(REDACT, { dataset, id })).redactWorkerEvent).toEqual(redactWorkerEvent)
  const audit =
    'query ($id: UUID!) { auditEntries(organizationId: $id, first: 5) { nodes { action subjectId details } } }'
  const acts = expectData(await server.graphql(audit, { id: organization })).auditEntries.nodes
  expect(acts.filter(({ action }: { action: string }) => action === 'REDACT_EVENT')).toEqual([
    { action: 'REDACT_EVENT', subjectId: id, details: { streamId: dataset, seq: 2 } },
  ])
  await follower.end()
  await late.end()
})

test('The content of a report event is removed permanently, also from its snapshot', async () => {
  const report = await newReport(server, organization)
  const recorded = await recordReportEvents(server, report, [
    { progress: { variant: 'EDITING', message: SECRET, extraDetail: { why: SECRET }, progress: 0.5 } },
    { blockUpdate: { message: SECRET, block: { idx: 7, template: SECRET, sources: [{ node: { text: SECRET } }] } } },
    { state: { message: SECRET, state: 'PLANNING' } },
  ])
  const snapshot = async () => {
    const query = `query ($id: UUID!) { report(id: $id) { snapshot {
      state { node { message state } } operations { node { message extraDetail progress variant } }
      blocks { node { message block { idx template sources { node { text } } } } }
    } } }`
    return expectData(await server.graphql(query, { id: report })).report.snapshot
  }
  expect(JSON.stringify(await snapshot())).toContain(SECRET)
  const redact = `mutation ($report: UUID!, $id: UUID!) {
    redactReportEvent(reportId: $report, id: $id) { ... on ReportEventItem { seq message redactedAt } }
  }`
  for (const { id, seq } of recorded)
    expect(expectData(await server.graphql(redact, { report, id })).redactReportEvent).toEqual({
      seq,
      message: 'Redacted',
      redactedAt: expect.any(String),
    })
  expect(await snapshot()).toEqual({
    state: { node: { message: 'Redacted', state: 'PLANNING' } },
    operations: [{ node: { message: 'Redacted', extraDetail: null, progress: 0.5, variant: 'EDITING' } }],
    blocks: [{ node: { message: 'Redacted', block: { idx: 7, template: '', sources: [] } } }],
  })
  const headers = { authorization: `Bearer ${server.rootKey}` }
  const legacy = await (await fetch(`${server.url}/api/v1/reports/${report}/events`, { headers })).text()
  expect(JSON.parse(legacy)).toHaveLength(3)
  expect(legacy).not.toContain(SECRET)
})

test('A removed event cannot be redacted', async () => {
  const dataset = await newDataset(server, organization)
  const { errors } = await server.graphql(REDACT, { dataset, id: randomUUID() })
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
})
