import { randomBytes } from 'node:crypto'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { inject } from 'vitest'
import { databaseUrl, query } from './postgres.ts'

/** The settings by which a server finds its database. */
export type DatabaseSettings = {
  DATA_DIR: string
  DATABASE_URL?: string
}

/** Runs SQL behind the server's back. On the embedded database only while no server has it open. */
export async function runSql<Row extends object>(
  { DATA_DIR, DATABASE_URL }: DatabaseSettings,
  sql: string,
): Promise<Row[]> {
  if (DATABASE_URL) return query<Row>(DATABASE_URL, sql)
  const pglite = await PGlite.create(join(DATA_DIR, 'pglite'))
  try {
    const results = await pglite.exec(sql)
    return (results.at(-1)?.rows ?? []) as Row[]
  } finally {
    await pglite.close()
  }
}

/** The settings of a server with a fresh, migrated database of the kind that is being tested. */
export async function freshDatabase(): Promise<DatabaseSettings> {
  const name = randomBytes(6).toString('hex')
  const DATA_DIR = join(inject('scratch'), name)
  if (inject('mode') === 'embedded') {
    await cp(inject('template'), DATA_DIR, { recursive: true })
    return { DATA_DIR }
  }
  const template = new URL(inject('template')).pathname.slice(1)
  const database = `${template}_${name}`
  await query(databaseUrl(inject('template'), 'postgres'), `CREATE DATABASE ${database} TEMPLATE ${template}`)
  return { DATA_DIR, DATABASE_URL: databaseUrl(inject('template'), database) }
}
