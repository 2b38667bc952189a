import { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { Config } from '../config.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { StartError } from '../start-error.ts'
import { lockDirectory } from './directory-lock.ts'
import { type MigrationConnection, MigrationError, migrate, pendingMigrations } from './migrate.ts'

/** What an acknowledged append survives: nothing but a crash of the process, or what PostgreSQL was told to promise. */
type Durability = 'process-crash' | 'power-loss' | 'relaxed'

/** An open database at this version's schema. */
export interface Database extends AsyncDisposable {
  readonly prisma: PrismaClient
  readonly mode: 'embedded' | 'postgres'
  readonly durability: Durability
  /** How many statements it works on at the same time. */
  readonly connections: number
}

/** Connections a server keeps to PostgreSQL at most. */
const POOL_SIZE = 10

// Prisma's driver adapters read a timestamptz as if the session's time zone were UTC, so it has to be. And an append looks for
// duplicates after it has waited for its stream: it must see what was committed meanwhile, whatever the database's default is.
// Nor may somebody who holds a stream's row hold up every connection, one append after another.
const SESSION_OPTIONS = '-c timezone=UTC -c default_transaction_isolation=read\\ committed -c lock_timeout=10s'

/** Prisma's own advisory lock for migrations: whoever migrates the same database, by whichever tool, waits for the other. */
const MIGRATION_LOCK = 72_707_369

/**
 * Opens the embedded database, creating and migrating it, or connects to PostgreSQL, which must be migrated already.
 * @throws StartError when the folder or the server cannot be used.
 * @throws MigrationError when PostgreSQL is not at this version's schema.
 */
export async function openDatabase(config: Config): Promise<Database> {
  return config.databaseUrl ? openPostgres(config.databaseUrl) : openEmbedded(config.dataDir)
}

/** Brings a PostgreSQL database to this version's schema. @returns the names of the migrations applied now. */
export async function migratePostgres(databaseUrl: string): Promise<string[]> {
  return withConnection(databaseUrl, async (connection) => {
    await connection.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    return migrate(connection)
  })
}

async function openEmbedded(dataDir: string): Promise<Database> {
  const lock = await lockDirectory(dataDir)
  try {
    const pglite = await openPglite(`${dataDir}/pglite`)
    await migrate(pglite)
    const prisma = new PrismaClient({ adapter: new PrismaPGlite(pglite) })
    return {
      prisma,
      mode: 'embedded',
      durability: 'process-crash',
      connections: 1,
      async [Symbol.asyncDispose]() {
        await prisma.$disconnect()
        await pglite.close()
        await lock.close()
      },
    }
  } catch (error) {
    await lock.close()
    throw error
  }
}

async function openPglite(directory: string): Promise<PGlite> {
  try {
    return await PGlite.create(directory)
  } catch (error) {
    throw new StartError(
      `The database in DATA_DIR cannot be opened: restore ${directory}, or choose another DATA_DIR. (${error})`,
      { cause: error },
    )
  }
}

async function openPostgres(databaseUrl: string): Promise<Database> {
  const durability = await withConnection(databaseUrl, async (connection) => {
    const missing = await pendingMigrations(connection)
    if (missing.length > 0) {
      throw new MigrationError(
        `This database lacks ${missing.length} migration(s) of this version: run "tidemark migrate" first.`,
      )
    }
    return durabilityOf(connection)
  })
  const prisma = new PrismaClient({
    adapter: new PrismaPg({ ...session(databaseUrl), max: POOL_SIZE, keepAlive: true }),
  })
  return {
    prisma,
    mode: 'postgres',
    durability,
    connections: POOL_SIZE,
    [Symbol.asyncDispose]: () => prisma.$disconnect(),
  }
}

async function durabilityOf(connection: MigrationConnection): Promise<Durability> {
  const { rows } = await connection.query<{ durable: boolean }>(
    `SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable`,
  )
  return rows[0]?.durable ? 'power-loss' : 'relaxed'
}

async function withConnection<Result>(
  url: string,
  work: (connection: MigrationConnection) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(session(url))
  await client.connect().catch((error) => {
    throw new StartError(`DATABASE_URL: ${whyNot(error)} (${error.message || error.code})`, { cause: error })
  })
  try {
    return await work({ query: (sql, parameters) => client.query(sql, parameters), exec: (sql) => client.query(sql) })
  } finally {
    await client.end()
  }
}

// Options in the address would replace ours: they are added.
function session(databaseUrl: string): { connectionString: string; options: string } {
  const url = new URL(databaseUrl)
  const given = url.searchParams.get('options') ?? ''
  url.searchParams.delete('options')
  return { connectionString: url.href, options: `${given} ${SESSION_OPTIONS}`.trim() }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing answers there.',
  ENOTFOUND: 'there is no such host.',
  '28000': 'this user may not connect.',
  '28P01': 'the password is wrong.',
  '3D000': 'there is no such database.',
}

function whyNot({ code }: { code?: string }): string {
  return REASONS[code ?? ''] ?? 'the database cannot be reached.'
}
