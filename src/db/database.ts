import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection, session } from './connection.ts'
import { type DatabaseState, databaseState } from './database-state.ts'
import { joinEmbedded, openEmbedded } from './embedded.ts'
import { ERROR_FORMAT } from './error-format.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { MigrationError, type MigrationState, migrate, migrationState, pendingMigrations } from './migrate.ts'

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
  /** Lets commands use the database until this is disposed of; only where this process alone can open it. @throws Error */
  readonly share?: () => Promise<AsyncDisposable>
}

/** Maximum PostgreSQL connections per server; the spare pool comes on top. */
export const POOL_SIZE = 10

export const SPARE_SIZE = 3

/** Connect and query timeout of the spare pool, in milliseconds. */
const SPARE_MS = 2_000

/** Prisma's own advisory lock for migrations, so migrations by any tool run one at a time. */
const MIGRATION_LOCK = 72_707_369

/** Creates and migrates the embedded database. @throws StartError, MigrationError when PostgreSQL is not migrated. */
export async function openDatabase(config: Config): Promise<Database> {
  return config.databaseUrl ? openPostgres(config.databaseUrl) : openEmbedded(config.dataDir)
}

/** Opens it for a command, which can use an embedded database through its server. @throws as `openDatabase` */
export async function joinDatabase(config: Config): Promise<Database> {
  return config.databaseUrl ? openPostgres(config.databaseUrl) : joinEmbedded(config.dataDir)
}

/** Migrates PostgreSQL to this version's schema. @returns the names of the migrations applied now. */
export async function migratePostgres(databaseUrl: string): Promise<string[]> {
  await using connection = await connect(databaseUrl)
  await connection.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
  // Awaited before the connection is disposed of.
  return await migrate(connection)
}

async function openPostgres(databaseUrl: string): Promise<Database> {
  const durability = await checkedDurability(databaseUrl)
  const pool = new pg.Pool({ ...session(databaseUrl), max: POOL_SIZE, keepAlive: true })
  const prisma = clientOf(pool)
  const patience = { connectionTimeoutMillis: SPARE_MS, query_timeout: SPARE_MS }
  const spare = clientOf(new pg.Pool({ ...session(databaseUrl), ...patience, max: SPARE_SIZE, keepAlive: true }))
  return {
    prisma,
    spare,
    mode: 'postgres',
    durability,
    connections: POOL_SIZE,
    migrations: () => migrationState(spare),
    state: (functions) => databaseState(spare, functions),
    pool,
    async [Symbol.asyncDispose]() {
      await Promise.all([prisma.$disconnect(), spare.$disconnect()])
    },
  }
}

function clientOf(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: true }), errorFormat: ERROR_FORMAT })
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
