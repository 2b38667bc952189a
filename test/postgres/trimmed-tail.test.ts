import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

const LIVE = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'

test.each([
  ['some of it is kept', 6],
  ['nothing of it is kept', 0],
])('A reader whose next events are removed gets an error and no event twice, when %s', async (_, kept) => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  const readers = [overWebSocket, overSse].map((subscribe) =>
    subscribe(server.url, server.rootKey, LIVE, { id: dataset }),
  )
  await server.followers(2)
  // Now, so that they are kept in the tail.
  await recordWorkerEvents(
    server,
    dataset,
    Array.from({ length: 10 }, () => ({ eventType: 'ETL_STARTED' })),
  )
  for (const reader of readers) await reader.take(10)
  // In one transaction, as a slow server would find it.
  await runSql(
    server.env,
    `SELECT append_to_streams(ARRAY['${dataset}'::uuid], array_agg(1), array_agg(gen_random_uuid()), array_agg('etl_failed'::text),
       array_agg('null'::text), NULL) FROM generate_series(1, 10);
     SELECT trim_stream('${dataset}', NULL, ${kept}, NULL)`,
  )
  for (const reader of readers) {
    await expect(reader.take(1)).rejects.toThrow('CURSOR_EXPIRED')
    expect(await reader.failure()).toBe('CURSOR_EXPIRED')
  }
})
