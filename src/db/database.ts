import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlQuery } from '@prisma/driver-adapter-utils'
import type pg from 'pg'
import type { Config } from '../config.ts'
import { clientOptions } from './client-options.ts'
import { connect, type DatabaseConnection } from './database-connection.ts'
import { type DatabaseState, databaseState } from './database-state.ts'
import type { DiskObserver, DiskSpace } from './disk-space.ts'
import { joinEmbedded, openEmbedded } from './embedded.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { MigrationError, type MigrationState, migrate, migrationState, pendingMigrations } from './migrate.ts'
import { openPool, type PostgresPool } from './postgres-pool.ts'
import { postgresQueries } from './postgres-queries.ts'
import { prepareSchema } from './prepare-schema.ts'
import type { Queries } from './queries.ts'
import { LOOKUPS, type Session, sessionOf } from './session.ts'

/** What an acknowledged append survives; `relaxed`: fsync or synchronous_commit is off. */
type Durability = 'process-crash' | 'power-loss' | 'relaxed'

export interface Database extends AsyncDisposable {
  readonly prisma: PrismaClient
  readonly queries: Queries
  /** For look-ups by index, on a small separate pool of PostgreSQL: they work while `pool` is exhausted. */
  readonly spareQueries: Queries
  /** For background work on many rows, whose statements may take minutes, but not forever. */
  readonly maintenance: Queries
  readonly mode: 'embedded' | 'postgres'
  readonly durability: Durability
  readonly connections: number
  /** Compared on each call, as another process may migrate the database. */
  readonly migrations: () => Promise<MigrationState>
  /** Likewise: it may fail over to a copy that is read-only. */
  readonly state: (functions: readonly string[]) => Promise<DatabaseState>
  /** PostgreSQL connections and queued statements; absent when embedded. */
  readonly pool?: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'>
  /** Gives all statements this many milliseconds from now on, also those in progress: for a stop. */
  readonly limit: (milliseconds: number) => void
  readonly disk?: DiskSpace
  /** Lets commands use the database until it is disposed of; only if no other process can open it. @throws Error */
  readonly share?: () => Promise<AsyncDisposable>
}

/** Maximum PostgreSQL connections per server: for requests, for short look-ups, and for maintenance. */
export const POOL_SIZES = { main: 10, spare: 3, maintenance: 1 } as const

/** Longest statement of a pool, in milliseconds; that of the main pool is a setting. */
const LIMITS = { spare: 2_000, maintenance: 120_000 } as const

/** Prisma's own advisory lock for migrations, so migrations by any tool run one at a time. */
const MIGRATION_LOCK = 72_707_369

/** Waiting for others that migrate, and for tables: what waits for a table blocks all that comes after it. */
const LOCK_TIMEOUTS = { others: '10min', tables: '2s' } as const

/** Migrates the embedded database. @throws StartError, MigrationError when PostgreSQL is not migrated. */
export async function openDatabase(config: Config, onDiskChange: DiskObserver = () => undefined): Promise<Database> {
  return config.databaseUrl ? openPostgres(config) : openEmbedded(config, onDiskChange)
}

/** Opens it for a command, which can use an embedded database through its server. @throws as `openDatabase` */
export async function joinDatabase(config: Config, onDiskChange: DiskObserver = () => undefined): Promise<Database> {
  return config.databaseUrl ? openPostgres(config) : joinEmbedded(config, onDiskChange)
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

async function openPostgres({ databaseUrl = '', databaseTimeoutSeconds }: Config): Promise<Database> {
  const limit = databaseTimeoutSeconds * 1_000
  const durability = await checkedDurability(databaseUrl, limit)
  const session = sessionOf(databaseUrl)
  const main = openQueries(session, POOL_SIZES.main, limit)
  const short = openQueries(session, POOL_SIZES.spare, Math.min(LIMITS.spare, limit), LOOKUPS)
  const long = openQueries(session, POOL_SIZES.maintenance, LIMITS.maintenance)
  const pools = [main, short, long].map(({ pool }) => pool)
  const statementNameGenerator = ({ sql }: SqlQuery) => main.pool.prepared.nameOf(sql)
  const adapter = new PrismaPg(main.pool.pool, { schema: session.schema, statementNameGenerator })
  const prisma = new PrismaClient({ adapter, ...clientOptions(limit) })
  return {
    prisma,
    queries: main.queries,
    spareQueries: short.queries,
    maintenance: long.queries,
    mode: 'postgres',
    durability,
    connections: POOL_SIZES.main,
    migrations: () => migrationState(short.queries),
    state: (functions) => databaseState(short.queries, functions, session.schema),
    pool: main.pool.pool,
    limit: (milliseconds) => {
      for (const pool of pools) pool.limit(milliseconds)
    },
    async [Symbol.asyncDispose]() {
      await prisma.$disconnect()
      await Promise.all(pools.map((pool) => pool[Symbol.asyncDispose]()))
    },
  }
}

interface OpenQueries {
  readonly queries: Queries
  readonly pool: PostgresPool
}

function openQueries(session: Session, max: number, limit: number, settings?: typeof LOOKUPS): OpenQueries {
  const pool = openPool(session, { max, limit, settings })
  return { queries: postgresQueries(pool.pool, pool.prepared), pool }
}

async function checkedDurability(databaseUrl: string, limit: number): Promise<Durability> {
  await using connection = await connect(databaseUrl, limit)
  const problem = await migrationProblem(connection)
  if (problem) throw (await isMigrating(connection)) ? new MigrationError(MIGRATING) : problem
  return await durabilityOf(connection)
}

const MIGRATING = 'Another process is migrating the database. Start again when it has finished.'

async function migrationProblem(connection: DatabaseConnection): Promise<MigrationError | undefined> {
  try {
    const missing = await pendingMigrations(connection)
    if (missing.length === 0) return undefined
    return new MigrationError(
      `${missing.length} migration(s) of this version are not applied to the database. Run "tidemark migrate" first.`,
    )
  } catch (error) {
    if (error instanceof MigrationError) return error
    throw error
  }
}

// What is read meanwhile is committed: one that finds nothing to do need not wait for the lock.
async function isMigrating(connection: DatabaseConnection): Promise<boolean> {
  const { rows } = await connection.query<{ free: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS free', [
    MIGRATION_LOCK,
  ])
  return rows[0]?.free === false
}

async function durabilityOf(connection: DatabaseConnection): Promise<Durability> {
  const { rows } = await connection.query<{ durable: boolean }>(
    `SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable`,
  )
  return rows[0]?.durable ? 'power-loss' : 'relaxed'
}
