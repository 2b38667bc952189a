import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DatabaseSettings, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { historyOf } from '../support/history.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { TEST } from '../support/postgres.ts'
import { command, tidemark } from '../support/process.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

// Two servers of one database, whose rows go back under them as after a failover to a copy that was behind.
let server: TestServer
let other: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  other = await startServer(server.env)
  organization = await newOrganization(server)
})
afterAll(async () => {
  await other[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const FOLLOW = `subscription ($id: UUID!, $after: String, $types: [WorkerEventType!]) {
  workerEvents(datasetId: $id, after: $after, types: $types, from: BEGINNING) { cursor node { seq eventData } }
}`
const PAGE = 'query ($id: UUID!, $after: String) { workerEvents(datasetId: $id, after: $after) { totalCount } }'

const READ = `query ($id: UUID!) {
  all: workerEvents(datasetId: $id) { nodes { seq eventData } }
  some: workerEvents(datasetId: $id, types: [ETL_STARTED]) { nodes { seq eventData } }
  numbered: workerEventPage(datasetId: $id) { events { seq eventData } }
}`

const TABLES = ['stream_epoch', 'event_count', 'event_mark', 'event']

const events = (text: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ eventType: 'ETL_STARTED', eventData: `${text} ${i + 1}` }))

/** Remembers a stream as it is. @returns what puts it back. */
async function backup(stream: string): Promise<string> {
  const name = `backup_${stream.replaceAll('-', '')}`
  const copies = [...TABLES.map((table) => `${table} WHERE stream_id = '${stream}'`), `stream WHERE id = '${stream}'`]
  const create = copies.map((copy) => `CREATE TABLE ${name}.${copy.split(' ')[0]} AS SELECT * FROM ${copy}`)
  await runSql(server.env, [`CREATE SCHEMA ${name}`, ...create].join(';'))
  return [
    'BEGIN',
    ...TABLES.map((table) => `DELETE FROM ${table} WHERE stream_id = '${stream}'`),
    ...TABLES.map((table) => `INSERT INTO ${table} SELECT * FROM ${name}.${table}`),
    `UPDATE stream s SET head = b.head, last_at = b.last_at, epoch_number = b.epoch_number, redactions = b.redactions
      FROM ${name}.stream b WHERE s.id = b.id`,
  ].join(';')
}

const doors = [
  ['a WebSocket', overWebSocket],
  ['server-sent events', overSse],
] as const

test.each(doors)('Subscribers over %s to either server get an error when history goes back', async (_name, open) => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, events('kept', 5))
  const restore = await backup(dataset)
  await recordWorkerEvents(server, dataset, events('lost', 3))
  const changes = await metric(other.url, 'tidemark_history_changes_total')
  const all = [server, other].map(({ url, rootKey }) => open(url, rootKey, FOLLOW, { id: dataset }))
  const [read] = await Promise.all(all.map((subscription) => subscription.take(8)))
  // One that wants other events has not missed any, but its position is past the newest.
  const filtered = open(server.url, server.rootKey, FOLLOW, { id: dataset, types: ['ETL_FAILED'] })
  await filtered.opened(server, 2)
  await runSql(server.env, `${restore}; COMMIT`)
  for (const subscription of [...all, filtered]) expect(await subscription.failure()).toBe('CURSOR_EXPIRED')
  expect(await metric(other.url, 'tidemark_history_changes_total')).toBe(changes + 1)
  expect(other.log).toContainEqual(expect.objectContaining({ streamId: dataset, shared: 5, lost: 3 }))
  const { errors } = await server.graphql(PAGE, { id: dataset, after: read?.[6]?.cursor })
  expect(errors?.[0]?.extensions).toMatchObject({ reason: 'EPOCH_CHANGED' })
})

test.each(doors)('subscribers over %s also get it when positions are assigned again at once', async (_name, open) => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, events('kept', 5))
  const restore = await backup(dataset)
  const [lost] = await recordWorkerEvents(server, dataset, events('lost', 3))
  const ahead = [server, other].map(({ url, rootKey }) => open(url, rootKey, FOLLOW, { id: dataset }))
  for (const subscription of ahead) await subscription.take(8)
  // Each is read twice, so that servers keep it.
  const expectPages = async (newest: string) => {
    const texts = [...[3, 2, 1].map((i) => `${newest} ${i}`), ...[5, 4, 3, 2, 1].map((i) => `kept ${i}`)]
    const nodes = texts.map((eventData, i) => ({ seq: 8 - i, eventData }))
    for (const { graphql } of [server, other, server, other])
      expect(await graphql(READ, { id: dataset })).toEqual({
        data: { all: { nodes }, some: { nodes }, numbered: { events: nodes } },
      })
  }
  await expectPages('lost')
  // The epoch ends in the transaction that puts rows back, so nothing can be appended to the old one.
  await runSql(server.env, `${restore}; SELECT restore_epoch(); COMMIT`)
  await recordWorkerEvents(server, dataset, events('new', 3))
  await expectPages('new')
  for (const subscription of ahead) expect(await subscription.failure()).toBe('CURSOR_EXPIRED')
  const { errors } = await other.graphql(PAGE, { id: dataset, after: lost?.cursor })
  const { cursor } = (errors?.[0]?.extensions ?? {}) as { cursor?: string }
  const resumed = open(other.url, other.rootKey, FOLLOW, { id: dataset, after: cursor })
  expect((await resumed.take(3)).map(({ node }) => node.eventData)).toEqual(['new 1', 'new 2', 'new 3'])
  await resumed.end()
})

test('Readers do not notice a new epoch in which nothing was lost', async () => {
  const dataset = await newDataset(server, organization)
  const [before] = await recordWorkerEvents(server, dataset, events('old', 5))
  const subscription = overWebSocket(other.url, other.rootKey, FOLLOW, { id: dataset })
  await subscription.take(5)
  const { exited, output } = tidemark(['restore-epoch'], { ...server.env })
  expect(await exited).toBe(0)
  expect(output.stdout).toMatch(/^Began epoch \d+\./)
  await recordWorkerEvents(server, dataset, events('new', 2))
  expect((await subscription.take(2)).map(({ node }) => node.eventData)).toEqual(['new 1', 'new 2'])
  await subscription.end()
  const { data } = await server.graphql(PAGE, { id: dataset, after: before?.cursor })
  expect(data.workerEvents.totalCount).toBe(7)
})

test.each(doors)('Readers over %s go on after a restore that takes a redaction back', async (_name, open) => {
  const dataset = await newDataset(server, organization)
  const [first] = await recordWorkerEvents(server, dataset, events('kept', 5))
  const restore = await backup(dataset)
  const redact = 'mutation ($of: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $of, id: $id) { seq } }'
  expect((await server.graphql(redact, { of: dataset, id: first?.id })).errors).toBeUndefined()
  const following = open(other.url, other.rootKey, FOLLOW, { id: dataset })
  expect((await following.take(5)).map(({ node }) => node.eventData)).toContain(null)
  await runSql(server.env, `${restore}; SELECT restore_epoch(); COMMIT`)
  await recordWorkerEvents(server, dataset, events('new', 3))
  expect((await following.take(3)).map(({ node }) => node.eventData)).toEqual(['new 1', 'new 2', 'new 3'])
  // One that begins now has what the backup had.
  const late = open(other.url, other.rootKey, FOLLOW, { id: dataset })
  expect((await late.take(8)).map(({ node }) => node.eventData)).not.toContain(null)
  await Promise.all([following.end(), late.end()])
})

test('An append that waits while rows are put back belongs to the epoch that begins with them', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, events('kept', 5))
  const restore = await backup(dataset)
  const [lost] = await recordWorkerEvents(server, dataset, events('lost', 3))
  await using lock = await holdLock(server.env, `SELECT FROM stream WHERE id = '${dataset}' FOR UPDATE`)
  const appended = recordWorkerEvents(other, dataset, events('new', 1))
  await until(async () => (await lockWaits(server.env)) > 0)
  await lock.commit(`${restore}; SELECT restore_epoch()`)
  expect(await appended).toMatchObject([{ outcome: 'RECORDED', seq: 6 }])
  const { errors } = await server.graphql(PAGE, { id: dataset, after: lost?.cursor })
  expect(errors?.[0]?.extensions).toMatchObject({ reason: 'EPOCH_CHANGED' })
})

test('/readyz and the doctor say that a head went back, also of a server that started later', async () => {
  const first = await startServer()
  const dataset = await newDataset(first, await newOrganization(first))
  await recordWorkerEvents(first, dataset, events('kept', 5))
  const begun = { epoch: 1, since: expect.any(String), reason: 'FIRST', changedStreams: 0, lostEvents: 0 }
  expect(await historyOf(first)).toMatchObject(begun)
  expect((await doctor({ ...first.env })).found.history).toMatchObject({ state: 'ok' })
  await recordWorkerEvents(first, dataset, events('lost', 3))
  const following = overWebSocket(first.url, first.rootKey, FOLLOW, { id: dataset })
  await following.take(8)
  await runSql(
    first.env,
    `DELETE FROM event WHERE stream_id = '${dataset}' AND seq > 5;
     UPDATE event_count SET n = 5 WHERE stream_id = '${dataset}';
     UPDATE stream SET head = 5 WHERE id = '${dataset}'; SELECT restore_epoch()`,
  )
  expect(await following.failure()).toBe('CURSOR_EXPIRED')
  await until(async () => (await historyOf(first)).changedStreams === 1)
  await first[Symbol.asyncDispose]()
  await using later = await startServer(first.env)
  const found = await historyOf(later)
  expect((await fetch(`${later.url}/readyz`)).status).toBe(200)
  expect(found).toMatchObject({ epoch: 2, reason: 'RESTORED', changedStreams: 1, lostEvents: 3 })
  expect(found.meaning).toContain('1 stream(s) lost 3 events')
  const { found: checks } = await doctor({ ...first.env })
  expect(checks.history).toMatchObject({ state: 'warning', found: found.meaning })
  expect(checks.history?.details).toEqual([`stream ${dataset}: 3 after position 5`])
  // What was long ago is left out.
  await runSql(first.env, `UPDATE lost_events SET noticed_at = noticed_at - interval '25 hours'`)
  expect((await doctor({ ...first.env })).found.history).toMatchObject({ state: 'ok' })
})

test('Epochs are numbered in their order, also after numbers that came with copied rows', async () => {
  await runSql(server.env, `INSERT INTO epoch (number, id, fingerprint) VALUES (1000, 7, 'of another server')`)
  expect((await command(['restore-epoch'], server.env)).stdout).toMatch(/^Began epoch 1001\./)
  const dataset = await newDataset(server, organization)
  const begun = Array.from({ length: 5 }, () => runSql<{ n: number }>(server.env, 'SELECT restore_epoch() AS n'))
  const appended = Array.from({ length: 5 }, () => recordWorkerEvents(server, dataset, events('new', 1)))
  expect(new Set((await Promise.all(begun)).map(([row]) => row?.n)).size).toBe(5)
  expect((await Promise.all(appended)).flat().map(({ seq }) => seq)).toEqual(expect.arrayContaining([1, 2, 3, 4, 5]))
})

test('Followers of a stream share what they ask after a restart', async () => {
  const quiet = await startServer()
  const dataset = await newDataset(quiet, await newOrganization(quiet))
  await recordWorkerEvents(quiet, dataset, events('old', 5))
  const followers = Array.from({ length: 20 }, () => overWebSocket(quiet.url, quiet.rootKey, FOLLOW, { id: dataset }))
  await Promise.all(followers.map((follower) => follower.take(5)))
  await runSql(quiet.env, 'SELECT restore_epoch()')
  await recordWorkerEvents(quiet, dataset, events('new', 1))
  await Promise.all(followers.map((follower) => follower.take(1)))
  for (const subscription of followers) await subscription.end()
  await quiet[Symbol.asyncDispose]()
  expect(await scans(quiet.env, 'stream_epoch')).toBeLessThan(10)
})

/** How often a table or its indexes were read, once all that reported it have disconnected. */
async function scans(env: DatabaseSettings, table: string): Promise<number> {
  const connected = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '${TEST}'
    AND backend_type = 'client backend'`
  await until(async () => (await runSql(env, connected)).length === 0)
  const [row] = await runSql<{ n: number }>(
    env,
    `SELECT (seq_scan + coalesce(idx_scan, 0))::int AS n FROM pg_stat_user_tables WHERE relname = '${table}'`,
  )
  return row?.n ?? 0
}
