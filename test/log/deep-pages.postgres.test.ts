import { beforeAll, expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { TEST } from '../support/postgres.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

// A million in `npm run test:long`.
const EVENTS = process.env.LONG ? 1_000_000 : 60_000
const PAGE_SIZE = 10
const LAST_PAGE = (EVENTS * 9) / 10 / PAGE_SIZE

let server: TestServer
let dataset: string
let other: string

beforeAll(async () => {
  server = await startServer()
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  other = await newDataset(server, organization)
  // Without table statistics, as after a fast import, and always in the embedded database.
  for (const table of ['event', 'event_count', 'event_mark']) {
    await runSql(server.env, `ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
  }
  // Through the append function: nine of ten events have one type, the rest two others.
  await runSql(
    server.env,
    `DO $$ BEGIN FOR batch IN 0..${EVENTS / 1000 - 1} LOOP
      PERFORM append_to_streams(ARRAY[stream], array_agg(1), array_agg(gen_random_uuid()),
          array_agg(CASE WHEN i % 10 > 0 THEN 'chunks_uploaded' WHEN i % 20 = 0 THEN 'etl_failed' ELSE 'etl_started'
          END),
          array_agg(json_build_object('n', batch * 1000 + i)::text), NULL)
        FROM generate_series(1, 1000) i, unnest(ARRAY['${dataset}', '${other}']::uuid[]) stream GROUP BY stream;
      COMMIT;
    END LOOP; END $$`,
  )
  await server[Symbol.asyncDispose]()
}, 600_000)

const PAGE = `query ($id: UUID!, $types: [WorkerEventType!], $page: Int) {
  workerEventPage(datasetId: $id, types: $types, page: $page) { events { seq eventData } pageCount }
}`

test('A deep page is exact, unfiltered, of one type and of several', async () => {
  await using fresh = await startServer(server.env)
  const page = async (types: string[] | null) =>
    expectData(await fresh.graphql(PAGE, { id: dataset, types, page: LAST_PAGE })).workerEventPage
  const seqs = (from: number, keep: (seq: number) => boolean) => {
    const found: number[] = []
    for (let seq = from; found.length < PAGE_SIZE; seq--) if (keep(seq)) found.push(seq)
    return found
  }
  const whole = await page(null)
  expect(whole.pageCount).toBe(EVENTS / PAGE_SIZE)
  expect(whole.events.map(({ seq }: { seq: number }) => seq)).toEqual(
    seqs(EVENTS - (LAST_PAGE - 1) * PAGE_SIZE, () => true),
  )
  expect(whole.events.map(({ eventData }: { eventData: { n: number } }) => eventData.n)).toEqual(
    whole.events.map(({ seq }: { seq: number }) => seq),
  )

  const one = await page(['CHUNKS_UPLOADED'])
  expect(one.pageCount).toBe(LAST_PAGE)
  expect(one.events.map(({ seq }: { seq: number }) => seq)).toEqual(
    [10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((n) => n + (n === 10 ? 1 : 0)).filter((n) => n % 10 > 0),
  )

  const several = await page(['CHUNKS_UPLOADED', 'ETL_FAILED'])
  const keep = (seq: number) => seq % 10 > 0 || seq % 20 === 0
  const total = EVENTS * 0.95
  const rank = total - (LAST_PAGE - 1) * PAGE_SIZE
  // Of every 20 positions, 19 are kept: all but the tenth.
  const newest = Math.floor((rank - 1) / 19) * 20 + ((rank - 1) % 19) + 1
  expect(several.events.map(({ seq }: { seq: number }) => seq)).toEqual(
    seqs(newest >= 10 && newest % 20 >= 10 ? newest + 1 : newest, keep),
  )
})

test('A deep page reads about as many blocks as the first, and a page count reads no events', async () => {
  const report: Record<string, Blocks> = {}
  for (const [name, types] of [
    ['whole', null],
    ['one type', ['CHUNKS_UPLOADED']],
    ['two types', ['CHUNKS_UPLOADED', 'ETL_FAILED']],
  ] as const) {
    for (const page of [1, LAST_PAGE]) report[`${name}, page ${page}`] = await blocksOf({ types, page })
  }
  report['page count alone'] = await blocksOf({ page: 2 ** 31 - 1 })
  console.log(`Blocks read, of ${EVENTS} events:`, report)
  expect(report['page count alone']).toEqual({ events: 0, counters: expect.any(Number) })
  expect(report['page count alone']?.counters).toBeGreaterThan(0)
  for (const name of ['whole', 'one type']) {
    const [first, deep] = [report[`${name}, page 1`], report[`${name}, page ${LAST_PAGE}`]]
    expect(first?.events).toBeGreaterThan(0)
    expect(deep?.events).toBeLessThanOrEqual((first?.events ?? 0) + 8)
  }
})

interface Blocks {
  /** Of the event table and its indexes. */
  events: number
  /** Of the counters, the marks and their indexes. */
  counters: number
}

/** Blocks that one request makes PostgreSQL access, from its statistics, which a connection flushes when it ends. */
async function blocksOf(variables: object): Promise<Blocks> {
  const before = await blocks()
  await using fresh = await startServer(server.env)
  expectData(await fresh.graphql(PAGE, { id: dataset, ...variables }))
  await fresh[Symbol.asyncDispose]()
  while ((await connections()) > 0);
  const after = await blocks()
  return { events: after.events - before.events, counters: after.counters - before.counters }
}

async function blocks(): Promise<Blocks> {
  const rows = await runSql<{ relname: string; blocks: string }>(
    server.env,
    'SELECT relname, heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0) AS blocks FROM ' +
      'pg_statio_user_tables',
  )
  const of = (name: string) => Number(rows.find(({ relname }) => relname === name)?.blocks)
  return { events: of('event'), counters: of('event_count') + of('event_mark') }
}

async function connections(): Promise<number> {
  const rows = await runSql<{ n: string }>(
    server.env,
    `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '${TEST}'`,
  )
  return Number(rows[0]?.n)
}
