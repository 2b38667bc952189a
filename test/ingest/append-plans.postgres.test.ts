import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { TEST } from '../support/postgres.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'

test('An append reads no table in full, also when its plans are made while the tables are small', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  const organization = await newOrganization(server)
  const [first, second] = [await newDataset(server, organization), await newDataset(server, organization)]
  await newKey(server, organization, 'WRITE')
  const [key] = await runSql<{ id: string }>(env, `SELECT id FROM api_key WHERE organization_id = '${organization}'`)
  const known = randomUUID()
  await recordWorkerEvents(server, first, [{ id: known, eventType: 'ETL_STARTED' }])

  const client = new pg.Client({ connectionString: env.DATABASE_URL, application_name: TEST })
  await client.connect()
  // Each table has one page now, which is cheaper to read than an index.
  await client.query('VACUUM ANALYZE')
  const scanned: Record<string, string[]> = {}
  for (const [name, streams, events, times] of [
    ['one event', [first], [[1, randomUUID()]], null],
    ['a known one', [first], [[1, known]], null],
    ['several', [first], Array.from({ length: 40 }, () => [1, randomUUID()]), null],
    [
      'several streams',
      [first, second],
      [
        [1, randomUUID()],
        [2, randomUUID()],
      ],
      null,
    ],
    [
      'a stream that does not exist',
      [first, randomUUID()],
      [
        [1, randomUUID()],
        [2, randomUUID()],
      ],
      null,
    ],
    ['with a time', [second], [[1, randomUUID()]], [new Date()]],
  ] as const) {
    await client.query('BEGIN')
    const { rows: appended } = await client.query(
      'SELECT * FROM append_permitted($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [
        streams.map(() => key?.id),
        streams,
        streams.map(() => 'DATASET'),
        streams,
        events.map(([of]) => of),
        events.map(([, id]) => id),
        events.map(() => 'etl_started'),
        events.map(() => 'null'),
        times,
      ],
    )
    expect(appended).toMatchObject([{ denied: null, strangers: null }])
    // Of this transaction.
    const { rows } = await client.query<{ relname: string }>(
      `SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0 ORDER BY relname`,
    )
    scanned[name] = rows.map(({ relname }) => relname)
    await client.query('ROLLBACK')
  }
  await client.end()
  expect(scanned).toEqual(Object.fromEntries(Object.keys(scanned).map((name) => [name, []])))
})
