import { PrismaPg } from '@prisma/adapter-pg'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import pg from 'pg'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection } from './database-connection.ts'
import { type DatabaseState, databaseState } from './database-state.ts'
import { lockDirectory } from './directory-lock.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { MigrationError, type MigrationState, migrate, migrationState, pendingMigrations } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { prepareSchema } from './prepare-schema.ts'
import { makeContentsPrivate, makePrivate } from './private-directory.ts'
import { pinSession, type Session, sessionOf } from './session.ts'

/** What an acknowledged append survives; `relaxed`: fsync or synchronous_commit is off. */
type Durability = 'process-crash' | 'power-loss' | 'relaxed'

export interface Database extends AsyncDisposable {
  readonly prisma: PrismaClient
  /** A small separate pool on PostgreSQL, so key lookups and health checks are answered while `pool` is exhausted. */
  readonly spare: PrismaClient
  readonly mode: 'embedded' | 'postgres'
  readonly durability: Durability
  /** Statements that run concurrently. */
  readonly connections: number
  /** Compared on each call, as another process may migrate the database. */
  readonly migrations: () => Promise<MigrationState>
  /** Likewise: it may fail over to a copy that is read-only. */
  readonly state: (functions: readonly string[]) => Promise<DatabaseState>
  /** PostgreSQL connections and queued statements; absent when embedded. */
  readonly pool?: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'>
}

/** Maximum PostgreSQL connections per server; the spare pool comes on top. */
export const POOL_SIZE = 10

export const SPARE_SIZE = 3

/** Connect and query timeout of the spare pool, in milliseconds. */
const SPARE_MS = 2_000

// Other formats quote a call's arguments, and errors are logged.
const ERROR_FORMAT = 'minimal'

/** Prisma's own advisory lock for migrations, so migrations by any tool run one at a time. */
const MIGRATION_LOCK = 72_707_369

/** Waiting for others that migrate, and for tables: what waits for a table blocks all that comes after it. */
const LOCK_TIMEOUTS = { others: '10min', tables: '2s' } as const

/** Creates and migrates the embedded database. @throws StartError, MigrationError when PostgreSQL is not migrated. */
export async function openDatabase(config: Config): Promise<Database> {
  return config.databaseUrl ? openPostgres(config.databaseUrl) : openEmbedded(config.dataDir)
}

/** Migrates PostgreSQL to this version's schema. @returns the names of the migrations applied now. */
export async function migratePostgres(databaseUrl: string): Promise<string[]> {
  await using connection = await connect(databaseUrl)
  await connection.exec(`SET lock_timeout = '${LOCK_TIMEOUTS.others}'`)
  await connection.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
  await connection.exec(`SET lock_timeout = '${LOCK_TIMEOUTS.tables}'`)
  if ((await pendingMigrations(connection)).length > 0) await prepareSchema(connection, sessionOf(databaseUrl).schema)
  // Awaited before the connection is disposed of.
  return await migrate(connection)
}

async function openEmbedded(dataDir: string): Promise<Database> {
  const { PrismaPGlite } = await import('pglite-prisma-adapter')
  await makePrivate(dataDir)
  await using opening = new AsyncDisposableStack()
  opening.adopt(await lockDirectory(dataDir), (lock) => lock.close())
  const pglite = opening.adopt(await openPglite(dataDir), (pglite) => pglite.close())
  makeContentsPrivate(dataDir)
  await migrate(pglite)
  const prisma = new PrismaClient({ adapter: new PrismaPGlite(pglite), errorFormat: ERROR_FORMAT })
  opening.defer(() => prisma.$disconnect())
  const closers = opening.move()
  return {
    prisma,
    spare: prisma,
    mode: 'embedded',
    durability: 'process-crash',
    connections: 1,
    migrations: () => migrationState(prisma),
    state: (functions) => databaseState(prisma, functions),
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  }
}

async function openPostgres(databaseUrl: string): Promise<Database> {
  const durability = await checkedDurability(databaseUrl)
  const session = sessionOf(databaseUrl)
  const pool = poolOf(session, { max: POOL_SIZE })
  const prisma = clientOf(pool, session)
  const patience = { connectionTimeoutMillis: SPARE_MS, query_timeout: SPARE_MS }
  const spare = clientOf(poolOf(session, { max: SPARE_SIZE, ...patience }), session)
  return {
    prisma,
    spare,
    mode: 'postgres',
    durability,
    connections: POOL_SIZE,
    migrations: () => migrationState(spare),
    state: (functions) => databaseState(spare, functions, session.schema),
    pool,
    async [Symbol.asyncDispose]() {
      await Promise.all([prisma.$disconnect(), spare.$disconnect()])
    },
  }
}

function poolOf({ connectionString, schema }: Session, options: pg.PoolConfig): pg.Pool {
  const onConnect = (client: pg.ClientBase) => client.query(pinSession(schema))
  return new pg.Pool({ connectionString, onConnect, keepAlive: true, ...options })
}

function clientOf(pool: pg.Pool, { schema }: Session): PrismaClient {
  const adapter = new PrismaPg(pool, { schema, disposeExternalPool: true })
  return new PrismaClient({ adapter, errorFormat: ERROR_FORMAT })
}

async function checkedDurability(databaseUrl: string): Promise<Durability> {
  await using connection = await connect(databaseUrl)
  const missing = await pendingMigrations(connection)
  if (missing.length > 0) {
    throw new MigrationError(
      `${missing.length} migration(s) of this version are not applied to the database. Run "tidemark migrate" first.`,
    )
  }
  return await durabilityOf(connection)
}

async function durabilityOf(connection: DatabaseConnection): Promise<Durability> {
  const { rows } = await connection.query<{ durable: boolean }>(
    `SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable`,
  )
  return rows[0]?.durable ? 'power-loss' : 'relaxed'
}
