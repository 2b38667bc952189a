import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe, type Subscription } from '../support/subscribe.ts'

const LIVE = `subscription ($id: UUID!, $types: [WorkerEventType!]) {
  workerEvents(datasetId: $id, types: $types, from: BEGINNING) { cursor node { seq } }
}`

test.each([
  ['some of it is kept', 6],
  ['nothing of it is kept', 0],
])('A reader whose next events are removed gets an error and no event twice, when %s', async (_, kept) => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  const follow = (subscribe: Subscribe, types?: string[]) =>
    subscribe(server.url, server.rootKey, LIVE, { id: dataset, types })
  const readers = [overWebSocket, overSse].map((subscribe) => follow(subscribe))
  const wanting = [overWebSocket, overSse].map((subscribe) => follow(subscribe, ['ETL_FAILED']))
  const others = [overWebSocket, overSse].map((subscribe) => follow(subscribe, ['ETL_STARTED', 'ETL_COMPLETED']))
  await server.followers(6)
  // Now, so that they are kept in the tail.
  await recordWorkerEvents(
    server,
    dataset,
    Array.from({ length: 10 }, () => ({ eventType: 'ETL_STARTED' })),
  )
  for (const reader of [...readers, ...others]) await reader.take(10)
  // In one transaction, as a slow server would find it.
  await runSql(
    server.env,
    `SELECT append_to_streams(ARRAY['${dataset}'::uuid], array_agg(1), array_agg(gen_random_uuid()),
      array_agg('etl_failed'::text),
       array_agg('null'::text), NULL) FROM generate_series(1, 10);
     SELECT trim_stream('${dataset}', NULL, ${kept}, NULL)`,
  )
  for (const reader of [...readers, ...wanting]) {
    await expect(reader.take(1)).rejects.toThrow('CURSOR_EXPIRED')
    expect(await reader.failure()).toBe('CURSOR_EXPIRED')
  }
  // Nothing that these want was removed.
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_COMPLETED' }])
  for (const reader of others) {
    expect((await reader.take(1)).map(({ node }) => node.seq)).toEqual([21])
    await reader.end()
  }
})

interface Snapshot {
  state: { node: { seq: number } } | null
  blocks: { node: { seq: number } }[]
}

const SNAPSHOTS = `subscription ($id: UUID!) {
  reportSnapshots(reportId: $id) { state { node { seq } } blocks { node { seq } } }
}`

test.each([
  ['a state is kept', 1, 12],
  ['nothing is kept', 0, undefined],
])(
  'A reader of snapshots gets the next one although states that it has not read are removed, when %s',
  async (...row) => {
    const [, kept, newest] = row
    await using server = await startServer()
    const report = await newReport(server, await newOrganization(server))
    await recordReportEvents(server, report, [{ blockUpdate: { block: { idx: 0, template: 'one' } } }])
    await recordReportEvents(server, report, [{ state: { message: 'Begun', state: 'PLANNING' } }])
    const readers = [overWebSocket, overSse].map((subscribe) =>
      subscribe(server.url, server.rootKey, SNAPSHOTS, { id: report }),
    )
    const next = async (reader: Subscription) => {
      const [snapshot] = (await reader.take(1)) as unknown as Snapshot[]
      return { state: snapshot?.state?.node.seq, blocks: snapshot?.blocks.map(({ node }) => node.seq) }
    }
    for (const reader of readers) expect(await next(reader)).toEqual({ state: 2, blocks: [1] })
    await runSql(
      server.env,
      `SELECT append_to_streams(ARRAY['${report}'::uuid], array_agg(1), array_agg(gen_random_uuid()),
       array_agg('report_state_update'::text),
       array_agg('{"type":"report_state_update","msg":"","status":"generating"}'::text), NULL)
       FROM generate_series(1, 10);
     SELECT trim_stream('${report}', NULL, ${kept}, NULL)`,
    )
    for (const reader of readers) expect(await next(reader)).toEqual({ state: newest, blocks: [] })
    await recordReportEvents(server, report, [{ state: { message: 'Done', state: 'COMPLETED' } }])
    for (const reader of readers)
      expect(((await reader.rest()) as unknown as Snapshot[]).at(-1)).toMatchObject({ state: { node: { seq: 13 } } })
  },
)
