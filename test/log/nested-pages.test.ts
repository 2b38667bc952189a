import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { expectData } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

const EVENTS = 'events(order: OLDEST_FIRST, first: 10) { nodes { seq eventDataText } totalCount }'
const PAGE = `query ($id: UUID!) { workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 10) { nodes {
  eventDataText } } }`

test('A page that a mutation leads to shows what the mutation has done before', async ({ server }) => {
  const organization = await newOrganization(server)
  const id = await newDataset(server, organization)
  const event = randomUUID()
  await recordWorkerEvents(server, id, [{ id: event, eventType: 'ETL_STARTED', eventData: 'secret' }])
  // From here on, the event is in memory.
  expect(expectData(await server.graphql(PAGE, { id })).workerEvents.nodes).toEqual([{ eventDataText: '"secret"' }])
  const mutation = `mutation ($id: UUID!, $event: UUID!) {
    redactWorkerEvent(datasetId: $id, id: $event) { dataset { ${EVENTS} eventPage { totalCount events {
    eventDataText } } } }
    recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_COMPLETED }]) { results { __typename } }
    updateDataset(input: { id: $id, name: "new" }) { ${EVENTS} eventPage { totalCount } }
  }`
  const done = expectData(await server.graphql(mutation, { id, event }))
  expect(done.redactWorkerEvent.dataset).toEqual({
    events: { nodes: [{ seq: 1, eventDataText: 'null' }], totalCount: 1 },
    eventPage: { totalCount: 1, events: [{ eventDataText: 'null' }] },
  })
  expect(done.updateDataset).toMatchObject({ events: { totalCount: 2 }, eventPage: { totalCount: 2 } })

  const report = await newReport(server, organization)
  const reported = `mutation ($id: UUID!) {
    recordReportEvents(reportId: $id, events: [{ progress: { variant: EDITING, message: "m" } }]) { results {
    __typename } }
    updateReport(input: { id: $id, name: "new" }) { events { totalCount } }
  }`
  const { updateReport } = expectData(await server.graphql(reported, { id: report }))
  expect(updateReport.events.totalCount).toBe(1)
})

test.for([
  ['WebSocket', overWebSocket],
  ['server-sent events', overSse],
] as const)('A page that an event leads to holds the event, over %s', async ([, subscribe], { server }) => {
  const id = await newDataset(server, await newOrganization(server))
  const query = `subscription ($id: UUID!) {
    workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq dataset { ${EVENTS} } } }
  }`
  const subscription = subscribe(server.url, server.rootKey, query, { id })
  try {
    await subscription.start()
    for (const seq of [1, 2]) {
      await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED' }])
      const [edge] = await subscription.take(1)
      expect(edge?.node).toMatchObject({ seq, dataset: { events: { totalCount: seq } } })
    }
  } finally {
    await subscription.end()
  }
})
