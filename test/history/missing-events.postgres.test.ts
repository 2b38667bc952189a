import { afterAll, beforeAll, expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const FOLLOW = `subscription ($id: UUID!, $from: StreamStart, $types: [WorkerEventType!]) {
  workerEvents(datasetId: $id, from: $from, types: $types) { cursor node { seq } }
}`

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

test('A page, a replay and a subscription fail where the database lacks an event that it has counted', async () => {
  const dataset = await newDataset(server, organization)
  const events = [...Array(99).fill({ eventType: 'ETL_STARTED' }), { eventType: 'ETL_FAILED' }]
  await recordWorkerEvents(server, dataset, events)
  const page = (order: string) =>
    server.graphql(`{ workerEvents(datasetId: "${dataset}", first: 50, order: ${order}) { nodes { seq } } }`)
  const open = (from: string, transport = overWebSocket, types?: string[]) =>
    transport(server.url, server.rootKey, FOLLOW, { id: dataset, from, types })
  // The type of a missing event is unknown, so it is missing for each reader.
  const live = [open('NOW'), open('NOW', overSse), open('NOW', overWebSocket, ['ETL_FAILED'])]
  await server.followers(3)
  for (const subscription of live) await subscription.start()

  // As after a damaged page, or an index that lost entries.
  await runSql(server.env, `DELETE FROM event WHERE stream_id = '${dataset}' AND seq = 42`)
  expect((await page('NEWEST_FIRST')).errors).toBeUndefined()
  const { data, errors } = await page('OLDEST_FIRST')
  expect(data).toBeNull()
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  expect(JSON.stringify(server.log.at(-1))).toContain(`Stream ${dataset} lacks the event at position 42: found 43.`)
  expect(await open('BEGINNING').failure()).toBe('INTERNAL_SERVER_ERROR')
  const counted = `{ workerEventPage(datasetId: "${dataset}", types: [ETL_STARTED], pageSize: 99) { events { seq } } }`
  expect(await server.graphql(counted)).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] })

  await runSql(server.env, `UPDATE stream SET head = head + 1 WHERE id = '${dataset}'`)
  for (const subscription of live) expect(await subscription.failure()).toBe('INTERNAL_SERVER_ERROR')
  // What comes after it is delivered to who begins there.
  const later = open('NOW')
  await later.start()
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  expect((await later.take(1)).map(({ node }) => node.seq)).toEqual([102])
  await later.end()
  const ready = await fetch(`${server.url}/readyz`)
  expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'degraded', database: { damaged: true } }])
  expect(await metric(server.url, 'tidemark_damaged')).toBe(1)
  expect(await metric(server.url, 'tidemark_ready')).toBe(1)
})

test('/readyz says that PostgreSQL has found a damaged page, which only some reads meet', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  const status = async () => ((await (await fetch(`${server.url}/readyz`)).json()) as { status: string }).status
  expect(await status()).toBe('ready')
  // What PostgreSQL raises for a page with a wrong checksum.
  await runSql(
    server.env,
    `ALTER TABLE event RENAME TO pages;
     CREATE FUNCTION damaged() RETURNS SETOF pages LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = 'data_corrupted'; END $$;
     CREATE VIEW event AS SELECT * FROM damaged()`,
  )
  await runSql(server.env, `UPDATE stream SET head = 1 WHERE id = '${dataset}'`)
  const { errors } = await server.graphql(`{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`)
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  await until(async () => (await status()) === 'degraded')
})

test('/readyz says that a numbered page with a filter lacks events that were counted', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, [
    ...Array(9).fill({ eventType: 'ETL_STARTED' }),
    { eventType: 'ETL_FAILED' },
  ])
  await runSql(server.env, `DELETE FROM event WHERE stream_id = '${dataset}' AND seq = 4`)
  const { errors } = await server.graphql(
    `{ workerEventPage(datasetId: "${dataset}", types: [ETL_STARTED], pageSize: 9) { events { seq } } }`,
  )
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  await until(async () => (await metric(server.url, 'tidemark_damaged')) === 1)
  expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ status: 'degraded' })
})

test('A snapshot fails where the database lacks one of its events', async () => {
  const report = await newReport(server, organization)
  const block = (idx: number) => ({ blockUpdate: { block: { idx, template: '', sources: [] } } })
  await recordReportEvents(server, report, [block(1), block(2)])
  const snapshot = `{ report(id: "${report}") { snapshot { blocks { node { seq } } } } }`
  expect(expectData(await server.graphql(snapshot)).report.snapshot.blocks).toHaveLength(2)
  await runSql(server.env, `DELETE FROM event WHERE stream_id = '${report}' AND seq = 1`)
  expect(await server.graphql(snapshot)).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] })
})

test('A page is read again when its stream goes back while it is read', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, Array(100).fill({ eventType: 'ETL_STARTED' }))
  const lock = await holdLock(server.env, 'LOCK TABLE event')
  const page = server.graphql(`{ workerEvents(datasetId: "${dataset}", first: 20) { nodes { seq } totalCount } }`)
  const numbered = server.graphql(
    `{ workerEventPage(datasetId: "${dataset}", pageSize: 20) { events { seq } totalCount } }`,
  )
  await until(async () => (await lockWaits(server.env)) >= 2)
  await lock.commit(
    `DELETE FROM event WHERE stream_id = '${dataset}' AND seq > 60;
     DELETE FROM event_mark WHERE stream_id = '${dataset}' AND seq > 60;
     UPDATE event_count SET n = 60 WHERE stream_id = '${dataset}';
     UPDATE stream SET head = 60 WHERE id = '${dataset}'`,
  )
  await lock[Symbol.asyncDispose]()
  const newest = Array.from({ length: 20 }, (_, i) => ({ seq: 60 - i }))
  expect(expectData(await page).workerEvents).toEqual({ nodes: newest, totalCount: 60 })
  expect(expectData(await numbered).workerEventPage).toEqual({ events: newest, totalCount: 60 })
})
