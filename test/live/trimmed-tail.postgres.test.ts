import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'

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
