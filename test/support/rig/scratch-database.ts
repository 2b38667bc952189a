import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseUrl, postgresUrl, query } from '../postgres.ts'

/** A separate migrated PostgreSQL database, dropped when disposed of, and a folder. */
export interface ScratchDatabase extends AsyncDisposable {
  DATABASE_URL: string
  DATA_DIR: string
}

/** Creates one with the migrations of a checkout, applied by its own command. */
export async function scratchDatabase(checkout: string): Promise<ScratchDatabase> {
  const server = await postgresUrl()
  if (!server) throw new Error('No PostgreSQL is reachable at 127.0.0.1:5432. Set TEST_DATABASE_URL.')
  const name = `tidemark_bench_${randomBytes(6).toString('hex')}`
  await query(server, `CREATE DATABASE ${name}`)
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
  const DATABASE_URL = databaseUrl(server, name)
  const { PATH } = process.env
  const env = { PATH, DATABASE_URL, DATA_DIR, LOG_LEVEL: 'warn' }
  const { status, stderr } = spawnSync(process.execPath, [join(checkout, 'dist/main.js'), 'migrate'], { env })
  if (status !== 0) throw new Error(`The database is not migrated: ${stderr}`)
  return {
    DATABASE_URL,
    DATA_DIR,
    async [Symbol.asyncDispose]() {
      await query(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await rm(DATA_DIR, { recursive: true, force: true })
    },
  }
}
