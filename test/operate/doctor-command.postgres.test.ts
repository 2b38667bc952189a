import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { pooler } from '../support/pooler.ts'
import { databaseUrl, query, TEST } from '../support/postgres.ts'
import { until } from '../support/until.ts'

// A machine whose clock is an hour ahead.
const AHEAD = '--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+3600000'

test('All problems of a database and of the connection to it are reported at once', async () => {
  const env = await freshDatabase()
  const url = env.DATABASE_URL as string
  const name = new URL(url).pathname.slice(1)
  await runSql(env, `ALTER DATABASE ${name} SET synchronous_commit = off; ALTER DATABASE ${name} CONNECTION LIMIT 3`)
  await runSql(
    env,
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x',
      '29990101000000_later', now())`,
  )
  // One client has left a transaction open on a stream; another waits.
  const [owner, stream] = [randomUUID(), randomUUID()]
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${owner}', 'Acme');
     INSERT INTO stream (id, organization_id, kind) VALUES ('${stream}', '${owner}', 'DATASET')`,
  )
  const lock = `BEGIN; SELECT head FROM stream WHERE id = '${stream}' FOR UPDATE`
  const [left, waiting] = await Promise.all([connected(url), connected(url)])
  await left.query(lock)
  const waited = waiting.query(lock)
  const idle = `SELECT FROM pg_stat_activity WHERE datname = '${name}' AND state = 'idle in transaction'
    AND clock_timestamp() - state_change > interval '1 second'`
  await until(async () => (await query(url, idle)).length > 0)
  await using lending = await pooler(url)

  const { status, found } = await doctor({ ...env, DATABASE_URL: lending.url, NODE_OPTIONS: AHEAD })
  await left.query('ROLLBACK')
  await waited
  expect(status).toBe(1)
  expect(found).toMatchObject({
    settings: { state: 'ok' },
    database: { state: 'ok', found: expect.stringMatching(/^PostgreSQL \d+/) },
    migrations: { state: 'warning', details: ['29990101000000_later'] },
    durability: {
      state: 'warning',
      found: expect.stringContaining('synchronous_commit off'),
      advice: expect.stringContaining('restore-epoch'),
    },
    clock: { state: 'warning', found: expect.stringMatching(/3[56]\d\d\.\d s ahead/) },
    transactions: { state: 'problem', details: [expect.stringMatching(/idle for .*, blocks 1$/)] },
    connections: { state: 'warning', found: expect.stringContaining('of the 3 connections') },
    wakeups: { state: 'warning', advice: expect.stringContaining('REDIS_URL') },
  })
})

test('An unreachable and an unmigrated database are problems with advice', async () => {
  const env = await freshDatabase()
  const name = `${new URL(env.DATABASE_URL as string).pathname.slice(1)}_empty`
  await runSql(env, `CREATE DATABASE ${name}`)
  const empty = await doctor({ DATABASE_URL: databaseUrl(env.DATABASE_URL as string, name) })
  expect(empty.status).toBe(1)
  expect(empty.found).toMatchObject({
    migrations: { state: 'problem', advice: 'Run "tidemark migrate".' },
    durability: { state: 'ok' },
    clock: { state: 'ok' },
    transactions: { state: 'ok' },
    wakeups: { state: 'ok' },
  })
  expect(empty.found.counters).toBeUndefined()
  const gone = await doctor({ DATABASE_URL: 'postgresql://x@127.0.0.1:1/x', REDIS_URL: 'redis://127.0.0.1:1' })
  expect(gone.status).toBe(1)
  expect(gone.found).toMatchObject({
    redis: { state: 'problem', found: expect.stringContaining('ECONNREFUSED') },
    database: { state: 'problem', found: expect.stringMatching(/^DATABASE_URL: connection refused/) },
  })
})

test('A Redis that accepts connections and says nothing is a problem, and not waited for', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const { status, found } = await doctor({ ...(await freshDatabase()), REDIS_URL: `redis://127.0.0.1:${port}` })
  expect(status).toBe(1)
  expect(found).toMatchObject({
    redis: { state: 'problem', found: expect.stringContaining('timed out') },
    counters: { state: 'ok' },
  })
})

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: TEST })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}
