import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pRetry from 'p-retry'
import { StartError } from '../errors.ts'
import { packageFolder } from '../lib/package-folder.ts'
import type { DatabaseConnection } from './database-connection.ts'
import type { Queries } from './queries.ts'
import { isLockTimeout } from './transient-errors.ts'

const MIGRATIONS_DIRECTORY = join(packageFolder, 'prisma/migrations')

/** The database is not at, or cannot be migrated to, this version's schema; the message says what to do. */
export class MigrationError extends StartError {
  override name = 'MigrationError'
}

export interface MigrationState {
  /** Shipped, but missing in the database. */
  pending: string[]
  /** In the database, but unknown to this version. */
  newer: string[]
}

interface Migration {
  name: string
  sql: string
  checksum: string
}

interface Applied {
  migration_name: string
  checksum: string
  finished_at: Date | null
}

/** Retries of a migration whose tables are locked, in milliseconds; in between, others get their turn on them. */
const LOCK_RETRIES = { retries: 100, factor: 1, minTimeout: 1_000, maxTimeout: 1_000, maxRetryTime: 60_000 }

// As Prisma's schema engine creates it, so that `prisma migrate deploy` and `status` agree afterwards.
const HISTORY_TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`

/**
 * Applies missing migrations, recorded as Prisma does; the caller holds a lock. By hand: Prisma's CLI downloads
 * an engine and cannot migrate an embedded database. @throws MigrationError: failed, unfinished, or tables of others.
 */
export async function migrate(connection: DatabaseConnection): Promise<string[]> {
  if (!(await hasHistory(connection))) {
    await rejectForeignSchema(connection)
    await connection.exec(HISTORY_TABLE)
  }
  const missing = await pendingMigrations(connection)
  for (const migration of missing) await apply(connection, migration)
  return missing.map(({ name }) => name)
}

/** This version's migrations that the database lacks. @throws MigrationError when one is unfinished or was edited. */
export async function pendingMigrations(connection: DatabaseConnection): Promise<Migration[]> {
  const applied = await history(connection)
  const unfinished = applied.find(({ finished_at }) => finished_at === null)
  if (unfinished) {
    throw new MigrationError(
      `Migration ${unfinished.migration_name} failed earlier and blocks the others (P3009). Repair the database, ` +
        'then mark it with "prisma migrate resolve".',
    )
  }
  const checksums = new Map(applied.map((row) => [row.migration_name, row.checksum]))
  const migrations = await readMigrations()
  const edited = migrations.find(({ name, checksum }) => checksums.has(name) && checksums.get(name) !== checksum)
  if (edited) throw new MigrationError(`Migration ${edited.name} was changed after it was applied to this database.`)
  return migrations.filter(({ name }) => !checksums.has(name))
}

/** Names of migrations that only the database has: a newer version has migrated it. */
export async function unknownMigrations(connection: DatabaseConnection): Promise<string[]> {
  const known = new Set((await readMigrations()).map(({ name }) => name))
  return (await history(connection)).map((row) => row.migration_name).filter((name) => !known.has(name))
}

/** Compares the applied migrations with this version's. @throws Error when the query fails. */
export async function migrationState(db: Queries): Promise<MigrationState> {
  const rows = await db.$queryRaw<{ name: string }[]>`
    SELECT migration_name AS name FROM _prisma_migrations
     WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY started_at`
  const applied = rows.map(({ name }) => name)
  const shipped = await migrationNames()
  return {
    pending: shipped.filter((name) => !applied.includes(name)),
    newer: applied.filter((name) => !shipped.includes(name)),
  }
}

// A migration and its record are one transaction, so one that fails leaves nothing, and can be run again.
async function apply(connection: DatabaseConnection, { name, sql, checksum }: Migration): Promise<void> {
  const record = `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
    VALUES ('${randomUUID()}', '${checksum}', '${name}', now(), 1)`
  try {
    await pRetry(() => connection.exec(`${sql}\n;${record}`), {
      ...LOCK_RETRIES,
      shouldRetry: ({ error }) => isLockTimeout(error),
    })
  } catch (error) {
    throw new MigrationError(isLockTimeout(error) ? locked(name) : `Migration ${name} failed (P3018): ${error}`, {
      cause: error,
    })
  }
}

function locked(name: string): string {
  return (
    `Migration ${name} was not applied, because other transactions kept its tables locked for a minute. ` +
    'End them ("tidemark doctor" lists those left open), and run "tidemark migrate" again.'
  )
}

async function history(connection: DatabaseConnection): Promise<Applied[]> {
  if (!(await hasHistory(connection))) return []
  const applied = await connection.query<Applied>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY ' +
      'started_at',
  )
  return applied.rows
}

async function hasHistory(connection: DatabaseConnection): Promise<boolean> {
  const { rows } = await connection.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  )
  return rows[0]?.exists === true
}

async function rejectForeignSchema(connection: DatabaseConnection): Promise<void> {
  const { rows } = await connection.query<{ foreign: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()) AS foreign',
  )
  if (rows[0]?.foreign)
    throw new MigrationError(
      'The database already contains tables of another application (P3005). Use a separate database for Tidemark.',
    )
}

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_DIRECTORY, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory())
  return folders.map(({ name }) => name).sort()
}

async function readMigrations(): Promise<Migration[]> {
  return Promise.all(
    (await migrationNames()).map(async (name) => {
      const bytes = await readFile(join(MIGRATIONS_DIRECTORY, name, 'migration.sql'))
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
}
