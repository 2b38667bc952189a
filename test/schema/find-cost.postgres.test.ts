import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { newDataset, newKey, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { statementProxy } from '../support/statements.ts'

const MANY = 10_000

const organization = randomUUID()

/** As many as one transaction inserts: each id takes a lock. */
const AT_ONCE = 2_500

/** Inserts datasets or reports of the organization, each with counters. */
function furnish(kind: 'dataset' | 'report', from: number): string {
  const state = kind === 'report' ? ", state = CASE WHEN i % 100 = 0 THEN 'error' ELSE 'completed' END" : ''
  return `
    CREATE TEMPORARY TABLE new AS SELECT gen_random_uuid() AS id, i
    FROM generate_series(${from}, ${from + AT_ONCE - 1}) AS i;
    INSERT INTO stream (id, organization_id, kind, head, last_at)
      SELECT id, '${organization}', '${kind.toUpperCase()}', 3, now() FROM new;
    INSERT INTO ${kind} (id, organization_id, name, created_at, active_at)
      SELECT id, '${organization}', 'name ' || i, now() - i * interval '1 second', now()
      - (i * 7 % ${MANY}) * interval '1 second' FROM new;
    UPDATE ${kind} SET name = name ${state} FROM new WHERE new.id = ${kind}.id;
    INSERT INTO event_count (stream_id, type, n) SELECT id, t, 3 FROM new, unnest(ARRAY['file_uploaded',
    'etl_started']) AS t;
    DROP TABLE new;`
}

const SUBJECT =
  'id name createdAt head firstSeq eventCount lastEventAt retention { maxEvents } organization { name ' +
  'retention { maxEvents } }'
const DATASETS = `totalCount nodes { ${SUBJECT} trackingId eventTypes { type count } } pageInfo { endCursor }`
const REPORTS = `totalCount nodes { ${SUBJECT} projectId state } pageInfo { endCursor }`

const QUERIES = {
  datasets: `query ($o: UUID!, $first: Int, $after: String) { list: datasets(organizationId: $o, first: $first,
    after: $after) { ${DATASETS} } }`,
  'datasets by activity': `query ($o: UUID!, $first: Int, $after: String) {
    list: datasets(organizationId: $o, first: $first, after: $after, order: RECENTLY_APPENDED_FIRST) { ${DATASETS} } }`,
  'datasets by name': `query ($o: UUID!, $first: Int, $after: String) {
    list: datasets(organizationId: $o, first: $first, after: $after, prefix: "NAME ") { ${DATASETS} } }`,
  'reports by state and activity': `query ($o: UUID!, $first: Int, $after: String) {
    list: reports(organizationId: $o, first: $first, after: $after, states: [ERROR, COMPLETED],
    order: RECENTLY_APPENDED_FIRST) { ${REPORTS} } }`,
}

test('A list with all counters takes as many statements however long it is, and all can be deleted', async () => {
  const env = await freshDatabase()
  await runSql(env, `INSERT INTO organization (id, name) VALUES ('${organization}', 'Acme')`)
  for (const kind of ['dataset', 'report'] as const)
    for (let from = 1; from <= MANY; from += AT_ONCE) await runSql(env, furnish(kind, from))
  await runSql(env, 'ANALYZE')
  await using proxy = await statementProxy(String(env.DATABASE_URL))
  await using server = await startServer({ ...env, DATABASE_URL: proxy.url })
  const key = await newKey(server, organization)
  for (const [name, query] of Object.entries(QUERIES)) {
    let after: string | undefined
    const counts: number[] = []
    for (const first of [2, 300]) {
      const ask = () => server.graphql(query, { o: organization, first, after }, key)
      counts.push(await statementsOf(proxy.statements, ask))
      const { list } = expectData(await ask())
      expect(list.nodes).toHaveLength(first)
      expect(list.nodes[0].eventCount).toBe(3)
      after = list.pageInfo.endCursor
    }
    // The key; the page, its total and its rows; organization and policy; streams and policies; the counts of datasets.
    const expected = query.includes('eventTypes') ? 9 : 8
    expect([name, ...counts]).toEqual([name, expected, expected])
  }

  const nested = `{ organizations(first: 50) { nodes { id datasets(first: 2) { totalCount nodes { head } }
    reports(first: 1) { nodes { state } } } } }`
  await runSql(env, `INSERT INTO organization (id, name) SELECT gen_random_uuid(), 'x' FROM generate_series(1, 100)`)
  // Organizations, then pages, rows, streams and counts for both lists at once.
  expect(await statementsOf(proxy.statements, () => server.graphql(nested))).toBeLessThanOrEqual(7)

  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, Array(200).fill({ eventType: 'ETL_STARTED' }))
  const events = `query ($d: UUID!) { workerEvents(datasetId: $d, first: 200) { nodes { dataset { name head } } } }`
  // The key, the stream, and the dataset with its stream. Its events are in memory after the first request.
  const ask = () => server.graphql(events, { d: dataset }, key)
  expect(await statementsOf(proxy.statements, ask)).toBe(4)
  expect(expectData(await ask()).workerEvents.nodes).toHaveLength(200)

  const remove = 'mutation ($o: UUID!) { deleteOrganization(id: $o, confirm: "Acme") { id } }'
  expectData(await server.graphql(remove, { o: organization }))
  const left = `SELECT FROM stream UNION ALL SELECT FROM dataset UNION ALL SELECT FROM report UNION ALL SELECT
    FROM event_count`
  expect(await runSql(env, left)).toEqual([])
  expect((await server.graphql('{ datasets { totalCount } }', {}, key)).errors?.[0]?.extensions.code).toBe(
    'UNAUTHENTICATED',
  )
}, 180_000)

/** Statements of a request on the tables of lists; those of other work of the server are not always there. */
async function statementsOf(statements: string[], ask: () => ReturnType<TestServer['graphql']>): Promise<number> {
  const counts = []
  for (let i = 0; i < 3; i++) {
    const before = statements.length
    expectData(await ask())
    counts.push(statements.slice(before).filter((text) => /dataset|report|stream|organization|event/.test(text)).length)
  }
  return Math.min(...counts)
}
