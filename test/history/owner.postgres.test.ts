import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  RECORD_REPORT_EVENTS,
  RECORD_WORKER_EVENTS,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'

const EVENTS = [{ eventType: 'ETL_STARTED', eventData: 'of the later owner' }]
const NOT_FOUND = [{ extensions: { code: 'NOT_FOUND' } }]

test('After a restore, an id that was given to another organization takes events of its owner only', async () => {
  await using server = await startServer()
  const [earlier, later] = [await newOrganization(server), await newOrganization(server)]
  const [ofEarlier, ofLater] = [await newKey(server, earlier, 'WRITE'), await newKey(server, later, 'WRITE')]
  const record = (id: string, key: string, document = RECORD_WORKER_EVENTS, events: object[] = EVENTS) =>
    server.graphql(document, { id, events }, key)
  const dataset = await newDataset(server, earlier)
  expectData(await record(dataset, ofEarlier))

  // As a restore of a time before the dataset was created leaves it; nothing tells the server.
  const tables = ['event', 'event_count', 'event_mark', 'stream_epoch']
  const emptied = tables.map((table) => `DELETE FROM ${table} WHERE stream_id = '${dataset}'`)
  const removed = ['dataset', 'stream'].map((table) => `DELETE FROM ${table} WHERE id = '${dataset}'`)
  await runSql(server.env, [...emptied, ...removed].join(';'))
  await newDataset(server, later, { id: dataset })

  // Together, so that they share a transaction.
  const other = await newDataset(server, earlier)
  const [stranger, mixed, unrelated] = await Promise.all([
    record(dataset, ofEarlier),
    record(dataset, ofLater),
    record(other, ofEarlier),
  ])
  expect(stranger.errors).toMatchObject(NOT_FOUND)
  expect(expectData(mixed).recordWorkerEvents.results).toMatchObject([{ seq: 1, outcome: 'RECORDED' }])
  expect(expectData(unrelated).recordWorkerEvents.results).toMatchObject([{ seq: 1, outcome: 'RECORDED' }])
  const progress = [{ progress: { variant: 'EDITING', message: 'x' } }]
  expect((await record(dataset, ofLater, RECORD_REPORT_EVENTS, progress)).errors).toMatchObject(NOT_FOUND)
  expect((await record(dataset, ofEarlier)).errors).toMatchObject(NOT_FOUND)
  expect(await recordWorkerEvents(server, dataset, EVENTS)).toMatchObject([{ seq: 2, outcome: 'RECORDED' }])
})

test('After a restore, an id that became that of a report takes no worker events, by root or by a key', async () => {
  await using server = await startServer()
  const organization = await newOrganization(server)
  const key = await newKey(server, organization, 'WRITE')
  const id = await newDataset(server, organization)
  const record = (by: string) => server.graphql(RECORD_WORKER_EVENTS, { id, events: EVENTS }, by)
  for (const by of [server.rootKey, key]) expectData(await record(by))
  const tables = ['event', 'event_count', 'event_mark', 'stream_epoch']
  const emptied = tables.map((table) => `DELETE FROM ${table} WHERE stream_id = '${id}'`)
  const removed = ['dataset', 'stream'].map((table) => `DELETE FROM ${table} WHERE id = '${id}'`)
  await runSql(server.env, [...emptied, ...removed].join(';'))
  await newReport(server, organization, { id })
  const progress = [{ progress: { variant: 'EDITING', message: 'x' } }]
  const [wrong, also, right] = await Promise.all([
    record(server.rootKey),
    record(key),
    server.graphql(RECORD_REPORT_EVENTS, { id, events: progress }),
  ])
  for (const { errors } of [wrong, also]) expect(errors).toMatchObject(NOT_FOUND)
  expect(expectData(right).recordReportEvents.results).toMatchObject([{ seq: 1, outcome: 'RECORDED' }])
})
