import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { pooler } from '../support/pooler.ts'
import { databaseUrl } from '../support/postgres.ts'
import { command } from '../support/process.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { statementProxy } from '../support/statements.ts'
import { until } from '../support/until.ts'

const nameOf = ({ DATABASE_URL }: DatabaseSettings) => new URL(DATABASE_URL as string).pathname.slice(1)

/** An empty database beside a fresh one. @param options of CREATE DATABASE. */
async function emptyDatabase(options = ''): Promise<DatabaseSettings> {
  const env = await freshDatabase()
  const name = `${nameOf(env)}_empty`
  await runSql(env, `CREATE DATABASE ${name} ${options}`)
  return { ...env, DATABASE_URL: databaseUrl(env.DATABASE_URL as string, name) }
}

async function setDefaults(env: DatabaseSettings, settings: Record<string, string>): Promise<void> {
  const statements = Object.entries(settings).map(
    ([name, value]) => `ALTER DATABASE ${nameOf(env)} SET ${name} = ${value}`,
  )
  await runSql(env, statements.join(';'))
}

const readyz = async (server: TestServer) => (await fetch(`${server.url}/readyz`)).json()

/** Writes and reads through models and functions. */
async function use(server: TestServer): Promise<void> {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }, { eventType: 'ETL_COMPLETED' }])
  const since = new Date(Date.now() - 60_000)
  const query = `query ($id: UUID!, $since: DateTime) {
    workerEvents(datasetId: $id, since: $since, types: [ETL_COMPLETED]) { totalCount nodes { createdAt } }
  }`
  const { workerEvents } = expectData(await server.graphql(query, { id: dataset, since }))
  expect(workerEvents.totalCount).toBe(1)
  expect(Date.parse(workerEvents.nodes[0].createdAt)).toBeGreaterThan(since.getTime())
}

const EXPIRE = "UPDATE api_key SET expires_at = now() - interval '1 second' WHERE name IS DISTINCT FROM 'root'"

test('Odd defaults of a database change nothing: keys expire, and what is stored is returned', async () => {
  const env = await freshDatabase()
  await setDefaults(env, {
    DateStyle: "'German, DMY'",
    IntervalStyle: 'sql_standard',
    TimeZone: "'America/New_York'",
    search_path: 'elsewhere',
    standard_conforming_strings: 'off',
    bytea_output: 'escape',
    array_nulls: 'off',
    extra_float_digits: '-15',
    default_transaction_isolation: 'serializable',
    session_replication_role: 'replica',
    lock_timeout: '1',
  })
  await using server = await startServer(env)
  expect(await readyz(server)).toMatchObject({ status: 'ready', database: { changedSettings: [] } })
  await use(server)
  const organizationId = await newOrganization(server)
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const mutation = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { expiresAt } } }'
  const input = { organizationId, role: 'READ', expiresAt }
  const { createApiKey } = expectData(await server.graphql(mutation, { input }))
  expect(createApiKey.apiKey).toEqual({ expiresAt })
  const ask = async () =>
    (await server.graphql(`{ organization(id: "${organizationId}") { id } }`, {}, createApiKey.key)).errors
  expect(await ask()).toBeUndefined()
  await runSql({ ...env, DATABASE_URL: `${env.DATABASE_URL}?options=-csearch_path%3Dpublic` }, EXPIRE)
  expect(await ask()).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  // Foreign keys and triggers still hold.
  const id = randomUUID()
  const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
  const { errors } = await server.graphql(create, { input: { organizationId: id, id } })
  expect(errors).toBeDefined()
})

test('A key expires by the clock of the database, whatever that of the server says', async () => {
  await using server = await startServer()
  const organization = await newOrganization(server)
  const key = await newKey(server, organization)
  const ask = () => server.graphql(`{ organization(id: "${organization}") { id } }`, {}, key)
  expect((await ask()).errors).toBeUndefined()
  await runSql(server.env, EXPIRE)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
  try {
    expect((await ask()).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  } finally {
    vi.useRealTimers()
  }
})

test('The schema of the address holds everything, and "migrate" creates it', async () => {
  const env = await emptyDatabase()
  const own = { ...env, DATABASE_URL: `${env.DATABASE_URL}?schema=its%20own` }
  expect(await command(['migrate'], own)).toMatchObject({ code: 0, stderr: '' })
  {
    await using server = await startServer(own)
    expect(await readyz(server)).toMatchObject({ status: 'ready' })
    await use(server)
  }
  expect((await doctor(own)).found).toMatchObject({ migrations: { state: 'ok' }, session: { state: 'ok' } })
  const schemas = await runSql(
    env,
    "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'",
  )
  expect(schemas).toEqual([{ schemaname: 'its own' }])
})

test('"migrate" goes by the schema of the address, and not by a search_path', async () => {
  const env = await emptyDatabase()
  await runSql(env, `CREATE SCHEMA elsewhere`)
  await setDefaults(env, { search_path: 'elsewhere' })
  expect(await command(['migrate'], env)).toMatchObject({ code: 0, stderr: '' })
  await using server = await startServer(env)
  await use(server)
})

test('A database that is not in UTF-8 is refused before anything is written', async () => {
  const env = await emptyDatabase("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
  const { code, stderr } = await command(['migrate'], env)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^DATABASE_URL: the encoding of the database is LATIN1\. .*\n$/)
  expect(await runSql(env, "SELECT to_regclass('_prisma_migrations') AS history")).toEqual([{ history: null }])
})

test('A user without the rights that a command needs is one line', async () => {
  const env = await emptyDatabase()
  const role = `tidemark_test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(env.DATABASE_URL as string)
  Object.assign(url, { username: role, password: 'secret' })
  await runSql(env, `REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  try {
    const refused = await command(['migrate'], { ...env, DATABASE_URL: url.href })
    expect(refused.stderr).toMatch(/^DATABASE_URL: the user cannot create tables in the schema public\. .*\n$/)
    const elsewhere = await command(['migrate'], { ...env, DATABASE_URL: `${url.href}?schema=own` })
    expect(elsewhere.stderr).toMatch(/^DATABASE_URL: the user lacks a permission in the database\. .*\n$/)
    expect(await command(['migrate'], env)).toMatchObject({ code: 0 })
    const listing = await command(['keys', 'list', '--organization', randomUUID()], {
      ...env,
      DATABASE_URL: url.href,
    })
    expect(listing.stderr).toMatch(/^DATABASE_URL: the user lacks a permission in the database\. .*\n$/)
  } finally {
    await runSql(env, `DROP ROLE ${role}`)
  }
})

test('Each connection prepares the statements of reads once, but not behind a transaction pooler', async () => {
  const env = await freshDatabase()
  const read = async (server: TestServer, dataset: string) => {
    // Different pages: the text of one that is asked for again is kept.
    for (let first = 1; first <= 5; first++) {
      const query = `{ workerEvents(datasetId: "${dataset}", types: [ETL_FAILED], first: ${first}) { nodes { seq } } }`
      expectData(await server.graphql(query))
    }
  }
  await using direct = await statementProxy(String(env.DATABASE_URL))
  await using lending = await pooler(String(env.DATABASE_URL))
  await using pooled = await statementProxy(lending.url)
  await using one = await startServer({ ...env, DATABASE_URL: direct.url })
  await using other = await startServer({ ...env, DATABASE_URL: pooled.url })
  const dataset = await newDataset(one, await newOrganization(one))
  await read(one, dataset)
  const reads = direct.statements.filter((text) => text.includes('FROM stream s'))
  expect(reads.length).toBeGreaterThanOrEqual(10)
  const prepared = direct.prepared.filter((text) => text.includes('FROM stream s'))
  expect(prepared.length).toBeGreaterThan(0)
  expect(prepared.length).toBeLessThan(reads.length)
  await read(other, dataset)
  const before = pooled.prepared.length
  await read(other, dataset)
  expect(pooled.prepared).toHaveLength(before)
})

test('Reads go on after a migration has changed the type of what they have prepared', async () => {
  await using server = await startServer(await freshDatabase())
  const id = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, id, [{ eventType: 'ETL_FAILED' }])
  const read = (first: number) =>
    server.graphql(`{ workerEvents(datasetId: "${id}", types: [ETL_FAILED], first: ${first}) { nodes { seq } } }`)
  for (let i = 1; i <= 20; i++) expectData(await read(i))
  await runSql(server.env, 'ALTER TABLE event ALTER COLUMN type TYPE varchar')
  // Pages that were not asked for before, as texts are kept.
  for (let i = 21; i <= 40; i++) expect(expectData(await read(i)).workerEvents.nodes).toEqual([{ seq: 1 }])
})

test('A server works behind a transaction pooler, and settings that this one loses are reported', async () => {
  const env = await freshDatabase()
  await setDefaults(env, { TimeZone: "'UTC'" })
  await using lending = await pooler(env.DATABASE_URL as string)
  const pooled = { ...env, DATABASE_URL: lending.url }
  await using server = await startServer(pooled)
  expect(await readyz(server)).toMatchObject({ status: 'ready' })
  await use(server)
  await setDefaults(env, { default_transaction_isolation: 'serializable' })
  await runSql(
    env,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
      AND pid <> pg_backend_pid()`,
  )
  const changed = 'default_transaction_isolation'
  // The first reports can be of the connections that were just ended.
  await until(async () => (await readyz(server)).database.changedSettings?.includes(changed) === true)
  expect(await readyz(server)).toMatchObject({ status: 'unavailable', database: { reachable: true } })
  const { found } = await doctor(pooled)
  expect(found.session).toMatchObject({ state: 'problem', found: expect.stringContaining(changed) })
})
