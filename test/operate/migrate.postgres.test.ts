import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { freshDatabase, oldDatabase, runSql } from '../support/database.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { databaseUrl, query } from '../support/postgres.ts'
import { command, serve, tidemark } from '../support/process.ts'
import { swept } from '../support/retention.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

async function emptyDatabase(): Promise<{ DATA_DIR: string; DATABASE_URL: string }> {
  const { DATA_DIR, DATABASE_URL } = await freshDatabase()
  const name = `${new URL(DATABASE_URL as string).pathname.slice(1)}_empty`
  await query(DATABASE_URL as string, `CREATE DATABASE ${name}`)
  return { DATA_DIR, DATABASE_URL: databaseUrl(DATABASE_URL as string, name) }
}

test('A server rejects a database that is not migrated, and names the command', async () => {
  const { exited, output } = tidemark(['serve'], { ...(await emptyDatabase()), PORT: '0' })
  expect(await exited).toBe(1)
  expect(output.stderr).toContain('tidemark migrate')
})

test('A server that starts while any process migrates the database says so', async () => {
  const env = await oldDatabase('_audit_action')
  // Prisma's CLI records a migration before it applies it.
  await runSql(
    env,
    `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', '20261127042805_epochs')`,
  )
  const started = async () => {
    const { exited, output } = tidemark(['serve'], { ...env, PORT: '0' })
    expect(await exited).toBe(1)
    return output.stderr
  }
  {
    await using _lock = await holdLock(env, 'SELECT pg_advisory_lock(72707369)')
    expect(await started()).toContain('Another process is migrating the database.')
  }
  expect(await started()).toContain('failed earlier and blocks the others (P3009)')
})

test('"tidemark migrate", run by several servers at once, migrates once; then the server starts', async () => {
  const env = await emptyDatabase()
  const runs = Array.from({ length: 3 }, () => tidemark(['migrate'], env))
  expect(await Promise.all(runs.map(({ exited }) => exited))).toEqual([0, 0, 0])
  expect(runs.filter(({ output }) => output.stdout.includes('Applied:'))).toHaveLength(1)
  expect(runs.filter(({ output }) => output.stdout.includes('up to date'))).toHaveLength(2)
  const rows = await runSql(env, 'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL')
  expect(rows).toEqual([])
  const server = await serve(env)
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

test('A migration that fails leaves nothing behind, and one whose tables are locked waits in turns', async () => {
  const env = await oldDatabase('_audit_action')
  await runSql(env, 'CREATE TABLE epoch ()')
  const failed = await command(['migrate'], env)
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/^Migration \d+_epochs failed \(P3018\): error: relation "epoch" already exists\n$/)
  await runSql(env, 'DROP TABLE epoch')
  const lock = await holdLock(env, 'LOCK TABLE stream IN ACCESS SHARE MODE')
  const migrated = command(['migrate'], env)
  await until(async () => (await lockWaits(env)) === 1)
  await until(async () => (await lockWaits(env)) === 0)
  await lock[Symbol.asyncDispose]()
  expect(await migrated).toMatchObject({ code: 0, stdout: expect.stringContaining('_epochs') })
})

test('/readyz remains 200 when a newer version migrates the database, but not when migrations are undone', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  const readyz = async () => {
    const response = await fetch(`${server.url}/readyz`)
    return { code: response.status, ...((await response.json()) as object) }
  }
  await runSql(
    env,
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x',
      '99991231000000_new', now())`,
  )
  expect(await readyz()).toMatchObject({ code: 200, migrations: { pending: [], newer: ['99991231000000_new'] } })
  // Responses are cached for a second.
  const [undone] = await runSql<{ name: string }>(
    env,
    `DELETE FROM _prisma_migrations WHERE migration_name =
       (SELECT max(migration_name) FROM _prisma_migrations WHERE id <> 'x') RETURNING migration_name AS name`,
  )
  const unavailable = { code: 503, status: 'unavailable', database: { reachable: true } }
  await until(async () => (await readyz()).code === 503)
  expect(await readyz()).toMatchObject({ ...unavailable, migrations: { pending: [undone?.name] } })
})

test('/readyz reports a read-only database, and one that lacks functions of this version', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  const readyz = async () => (await fetch(`${server.url}/readyz`)).json()
  expect(await readyz()).toMatchObject({ status: 'ready', database: { writable: true }, migrations: { missing: [] } })
  await runSql(env, 'ALTER FUNCTION event_seek RENAME TO sought')
  await until(async () => (await readyz()).status === 'unavailable')
  expect(await readyz()).toMatchObject({ migrations: { missing: ['event_seek'] } })
  await runSql(env, 'ALTER FUNCTION sought RENAME TO event_seek; ALTER TABLE organization RENAME TO elsewhere')
  await until(async () => /^Queries of the tables fail/.test((await readyz()).database.meaning))
  expect(await readyz()).toMatchObject({ status: 'unavailable', migrations: { missing: [] } })
  await runSql(env, 'ALTER TABLE elsewhere RENAME TO organization')
  await until(async () => (await readyz()).status === 'ready')
  const name = new URL(String(env.DATABASE_URL)).pathname.slice(1)
  await runSql(
    env,
    `ALTER DATABASE ${name} SET default_transaction_read_only = on;
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
  )
  await until(async () => (await readyz()).database.writable === false)
  expect(await readyz()).toMatchObject({ status: 'unavailable', database: { reachable: true } })
})

test('/readyz does not query the database for each request', async () => {
  await using server = await startServer()
  const url = server.env.DATABASE_URL as string
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  try {
    // Requests wait, and can be counted.
    await holder.query('BEGIN; LOCK TABLE _prisma_migrations')
    const asked = Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/readyz`)))
    let most = 0
    let isAnswered = false
    void asked.then(() => {
      isAnswered = true
    })
    // They are cancelled after two seconds.
    await until(async () => {
      const [waiting] = await query<{ n: number }>(
        url,
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()
          AND wait_event_type = 'Lock'`,
      )
      most = Math.max(most, waiting?.n ?? 0)
      return isAnswered
    })
    expect(new Set((await asked).map(({ status }) => status))).toEqual(new Set([503]))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThan(10)
  } finally {
    await holder.end()
  }
})

test('An unreachable database is reported in one line with exit status 1', async () => {
  const { exited, output } = tidemark(['serve'], { DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/none', PORT: '0' })
  expect(await exited).toBe(1)
  expect(output.stderr).toMatch(/^DATABASE_URL: connection refused/)
})

test('Times are right on a database whose own time zone is not UTC', async () => {
  const env = await freshDatabase()
  const name = new URL(env.DATABASE_URL as string).pathname.slice(1)
  await runSql(env, `ALTER DATABASE ${name} SET timezone = 'America/New_York'`)
  await using server = await startServer(env)
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  const query = `query ($id: UUID!, $organization: UUID!, $since: DateTime, $until: DateTime) {
    organization(id: $organization) { createdAt }
    workerEvents(datasetId: $id, since: $since, until: $until) { totalCount nodes { createdAt } }
  }`
  const minute = 60_000
  const now = Date.now()
  const variables = { id: dataset, organization, since: new Date(now - minute), until: new Date(now + minute) }
  const data = expectData(await server.graphql(query, variables))
  expect(data.workerEvents.totalCount).toBe(1)
  const stored = await runSql<{ at: string }>(
    env,
    'SELECT extract(epoch FROM created_at) * 1000 AS at FROM organization',
  )
  expect(Math.abs(Number(stored[0]?.at) - now)).toBeLessThan(minute)
  for (const time of [data.organization.createdAt, data.workerEvents.nodes[0].createdAt]) {
    expect(Math.abs(Date.parse(time) - now)).toBeLessThan(minute)
  }
})

test('Concurrent appends succeed on a database whose default isolation is serializable', async () => {
  const env = await freshDatabase()
  const name = new URL(env.DATABASE_URL as string).pathname.slice(1)
  await runSql(env, `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`)
  await using server = await startServer(env)
  const dataset = await newDataset(server, await newOrganization(server))
  const id = randomUUID()
  const calls = Array.from({ length: 40 }, (_, i) =>
    recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', ...(i % 2 === 0 && { id }) }]),
  )
  const results = (await Promise.all(calls)).flat()
  expect(new Set(results.filter((result) => result.id === id).map(({ seq }) => seq)).size).toBe(1)
  expect(results.filter(({ outcome }) => outcome === 'RECORDED')).toHaveLength(21)
})

test('The first event of a stream has the time of the clock', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  // After the acknowledgement, and by the clock of the same machine.
  const until = new Date(Date.now() + 1).toISOString()
  const query = `{ workerEvents(datasetId: "${dataset}", until: "${until}") { totalCount } }`
  expect(expectData(await server.graphql(query)).workerEvents.totalCount).toBe(1)
})

test('Times advance by a millisecond per append while the clock is behind', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  const dataset = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  const ahead = "date_trunc('milliseconds', clock_timestamp()) + interval '1 hour'"
  await runSql(env, `UPDATE stream SET last_at = ${ahead} WHERE id = '${dataset}'`)
  const [{ last } = { last: '' }] = await runSql<{ last: string }>(
    env,
    `SELECT to_char(last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last FROM stream
      WHERE id = '${dataset}'`,
  )
  for (let i = 0; i < 2; i++) await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  const query = `{ workerEvents(datasetId: "${dataset}", first: 2) { nodes { createdAt } } }`
  const { nodes } = expectData(await server.graphql(query)).workerEvents
  const times = nodes.map((node: { createdAt: string }) => Date.parse(node.createdAt) - Date.parse(last))
  expect(times).toEqual([2, 1])
})

test('A client that asks for events later than the newest it has misses none while the clock is behind', async () => {
  await using server = await startServer()
  const report = await newReport(server, await newOrganization(server))
  const record = (message: string) =>
    recordReportEvents(server, report, [{ progress: { variant: 'EDITING', message } }])
  const laterThan = async (time: string) => {
    const headers = { authorization: `Bearer ${server.rootKey}` }
    const url = `${server.url}/api/v1/reports/${report}/events?after=${time}`
    return (await (await fetch(url, { headers })).json()) as { timestamp: string; event_data: { msg: string } }[]
  }
  await record('first')
  await runSql(
    server.env,
    `UPDATE stream SET last_at = date_trunc('milliseconds', clock_timestamp()) + interval '1 hour'
      WHERE id = '${report}';
     UPDATE event SET created_at = last_at FROM stream WHERE stream.id = stream_id AND stream_id = '${report}'`,
  )
  let last = (await laterThan('2000-01-01'))[0]?.timestamp as string
  for (const message of ['second', 'third']) {
    await record(message)
    const found = await laterThan(last)
    expect(found.map(({ event_data }) => event_data.msg)).toEqual([message])
    last = found[0]?.timestamp as string
  }
  await swept(server)
  expect(await metric(server.url, 'tidemark_stream_time_ahead_seconds')).toBeGreaterThan(3_500)
  expect(server.log).toMatchObject([{ level: 40, streams: 1, streamIds: [report] }])
})

test('No append has the time of the one before, however fast they follow', async () => {
  const env = await freshDatabase()
  await using server = await startServer(env)
  const dataset = await newDataset(server, await newOrganization(server))
  // Thousands of appends in a second bring the time of a stream as far ahead of the clock.
  await runSql(
    env,
    `DO $$
     DECLARE
       v_before timestamptz;
       v_after timestamptz;
     BEGIN
       FOR i IN 1..200 LOOP
         v_before := date_trunc('milliseconds', clock_timestamp()) + interval '1 second';
         UPDATE stream SET last_at = v_before WHERE id = '${dataset}';
         PERFORM append_to_streams(ARRAY['${dataset}'::uuid], ARRAY[1], ARRAY[gen_random_uuid()],
         ARRAY['etl_started'], ARRAY['null'], NULL);
         SELECT last_at INTO v_after FROM stream WHERE id = '${dataset}';
         IF v_after <= v_before THEN RAISE EXCEPTION 'append % has the time of the one before', i; END IF;
       END LOOP;
     END $$`,
  )
})
