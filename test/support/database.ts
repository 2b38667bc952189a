import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { inject } from 'vitest'
import { openPglite, pgliteDirectory } from '../../src/db/pglite.ts'
import { databaseUrl, query, TEST } from './postgres.ts'

/** The settings by which a server finds its database. */
export type DatabaseSettings = {
  DATA_DIR: string
  DATABASE_URL?: string
}

/** Runs SQL directly on the database. On the embedded database only while no server has it open. */
export async function runSql<Row extends object>(
  { DATA_DIR, DATABASE_URL }: DatabaseSettings,
  sql: string,
): Promise<Row[]> {
  if (DATABASE_URL) return query<Row>(DATABASE_URL, sql)
  const pglite = await openPglite(DATA_DIR)
  try {
    const results = await pglite.exec(sql)
    return (results.at(-1)?.rows ?? []) as Row[]
  } finally {
    await pglite.close()
  }
}

/** Creates an embedded database without tables, which a server would migrate. The build's archive has all of them. */
export async function createEmptyPglite(dataDir: string): Promise<void> {
  const pglite = await PGlite.create(pgliteDirectory(dataDir))
  await pglite.close()
}

/** The settings of a server with a fresh, migrated database of the kind under test. */
export async function freshDatabase(): Promise<DatabaseSettings> {
  const name = randomBytes(6).toString('hex')
  const DATA_DIR = join(inject('scratch'), name)
  if (inject('mode') === 'embedded') {
    await copyFolder(inject('template'), DATA_DIR)
    return { DATA_DIR }
  }
  const template = new URL(inject('template')).pathname.slice(1)
  const database = `${template}_${name}`
  return { DATA_DIR, DATABASE_URL: await createDatabase(database, template) }
}

/** A copy of a database that is not open, as a backup is. */
export async function copyOf({ DATA_DIR, DATABASE_URL }: DatabaseSettings): Promise<DatabaseSettings> {
  const copy = join(inject('scratch'), randomBytes(6).toString('hex'))
  if (!DATABASE_URL) {
    await copyFolder(DATA_DIR, copy)
    return { DATA_DIR: copy }
  }
  const name = new URL(DATABASE_URL).pathname.slice(1)
  const database = `${new URL(inject('template')).pathname.slice(1)}_${randomBytes(6).toString('hex')}`
  return { DATA_DIR: copy, DATABASE_URL: await createDatabase(database, name) }
}

/** Connections of this worker on which databases are created: each takes PostgreSQL a process. */
let creating: pg.Pool | undefined

/** @param template the name of the database to copy. @returns the URL of the new one. */
async function createDatabase(name: string, template = 'template1'): Promise<string> {
  const server = inject('template')
  creating ??= new pg.Pool({ connectionString: databaseUrl(server, 'postgres'), max: 2, application_name: TEST }).on(
    'error',
    () => undefined,
  )
  await creating.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  return databaseUrl(server, name)
}

// A thousand files take Node.js three times as long.
const copyFolder = (from: string, to: string) => promisify(execFile)('cp', ['-R', from, to])

const MIGRATIONS = 'prisma/migrations'

/** The settings of a database as an older version left it: the migrations up to the named one are applied. */
export async function oldDatabase(last: string): Promise<DatabaseSettings> {
  const name = randomBytes(6).toString('hex')
  const env: DatabaseSettings = { DATA_DIR: join(inject('scratch'), name) }
  await mkdir(env.DATA_DIR)
  if (inject('mode') === 'postgres') {
    env.DATABASE_URL = await createDatabase(`${new URL(inject('template')).pathname.slice(1)}_${name}`)
  } else {
    await createEmptyPglite(env.DATA_DIR)
  }
  const names = (await readdir(MIGRATIONS)).filter((folder) => /^\d/.test(folder)).sort()
  const statements = await Promise.all(
    names.slice(0, names.findIndex((folder) => folder.endsWith(last)) + 1).map(async (folder) => {
      const sql = await readFile(join(MIGRATIONS, folder, 'migration.sql'), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex')
      const row = `('${folder}', '${checksum}', now(), '${folder}')`
      return `${sql};\nINSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ${row};`
    }),
  )
  await runSql(env, [HISTORY_TABLE, ...statements].join('\n'))
  return env
}

// With the columns that the server reads.
const HISTORY_TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(255) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
);`
