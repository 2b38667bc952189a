import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { readConfig } from '../../src/config.ts'
import { migratePostgres, openDatabase } from '../../src/db/database.ts'
import { databaseUrl, postgresUrl, query } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    mode: 'embedded' | 'postgres'
    /** A folder that is removed after the run. */
    scratch: string
    /** The template to copy: a migrated data directory, or the URL of a migrated database. */
    template: string
  }
}

/** Well below the connections that PostgreSQL accepts by default. */
const DROPS_AT_ONCE = 10

/** Migrates one database of the project's kind; every test server starts from a copy. */
export default async function setup(project: TestProject) {
  const scratch = await mkdtemp(join(tmpdir(), 'tidemark-test-'))
  project.provide('scratch', scratch)
  const drop = project.name === 'postgres' ? await migratedDatabase(project) : await migratedFolder(project, scratch)
  return async () => {
    await drop?.()
    await rm(scratch, { recursive: true, force: true })
  }
}

async function migratedFolder(project: TestProject, scratch: string): Promise<void> {
  const template = join(scratch, 'template')
  const database = await openDatabase(readConfig({ DATA_DIR: template }))
  await database[Symbol.asyncDispose]()
  project.provide('template', template)
}

async function migratedDatabase(project: TestProject): Promise<() => Promise<void>> {
  const server = await postgresUrl()
  if (!server) throw new Error('PostgreSQL is no longer reachable.')
  const name = `tidemark_test_${process.pid}`
  await query(server, `CREATE DATABASE ${name}`)
  const template = databaseUrl(server, name)
  await migratePostgres(template)
  project.provide('template', template)
  return () => dropDatabases(server, name)
}

async function dropDatabases(server: string, prefix: string): Promise<void> {
  const databases = await query<{ datname: string }>(
    server,
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  )
  // Several at once wait for the same checkpoint, each of which writes what the tests have left to be written.
  const names = databases.map(({ datname }) => datname).values()
  const drop = async () => {
    for (const name of names) await query(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  }
  await Promise.all(Array.from({ length: DROPS_AT_ONCE }, drop))
}
