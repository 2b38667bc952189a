import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { metric, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const FOLLOW = `subscription ($id: UUID!, $from: StreamStart) {
  workerEvents(datasetId: $id, from: $from) { cursor node { seq } }
}`

test('A page, a replay and a subscription fail where the database lacks an event that it has counted', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, Array(100).fill({ eventType: 'ETL_STARTED' }))
  const page = (order: string) =>
    server.graphql(`{ workerEvents(datasetId: "${dataset}", first: 50, order: ${order}) { nodes { seq } } }`)
  const open = (from: string, transport = overWebSocket) =>
    transport(server.url, server.rootKey, FOLLOW, { id: dataset, from })
  const live = [open('NOW'), open('NOW', overSse)]
  await server.followers(2)
  for (const subscription of live) await subscription.start()

  // As after a damaged page, or an index that lost entries.
  await runSql(server.env, `DELETE FROM event WHERE stream_id = '${dataset}' AND seq = 42`)
  expect((await page('NEWEST_FIRST')).errors).toBeUndefined()
  const { data, errors } = await page('OLDEST_FIRST')
  expect(data).toBeNull()
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  expect(JSON.stringify(server.log.at(-1))).toContain(`Stream ${dataset} lacks the event at position 42: found 43.`)
  expect(await open('BEGINNING').failure()).toBe('INTERNAL_SERVER_ERROR')

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
