import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { deploy, diagnose } from '../../prisma/migration.ts'
import { migrate, pendingMigrations } from '../../src/db/migrate.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { createEmptyPglite } from '../support/database.ts'

let db: PGlite

beforeAll(async () => {
  db = await newDatabase()
})
afterAll(() => db.close())

test("Each migration is applied once, and Prisma's own engine agrees and finds nothing pending", async () => {
  expect(await migrate(db)).toEqual((await names()).sort())
  expect(await migrate(db)).toEqual([])
  expect(await diagnose(db)).toEqual({
    editedMigrationNames: [],
    failedMigrationNames: [],
    hasMigrationsTable: true,
    history: null,
  })
  expect(await deploy(db)).toEqual([])
})

test('An unfinished migration blocks the others, as with Prisma', async () => {
  const [last] = (await names()).sort().slice(-1)
  await db.query('UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1', [last])
  await expect(migrate(db)).rejects.toThrow(/P3009/)
  expect((await diagnose(db)).failedMigrationNames).toEqual([last])
  await db.query('UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = $1', [last])
  expect(await pendingMigrations(db)).toEqual([])
})

test('A migration that was edited after it was applied is rejected', async () => {
  await db.query(`UPDATE _prisma_migrations SET checksum = 'other' WHERE migration_name LIKE '%_init'`)
  await expect(migrate(db)).rejects.toThrow(/_init was changed/)
})

test('A database with other tables is left unchanged', async () => {
  const foreign = await newDatabase()
  try {
    await foreign.exec('CREATE TABLE precious (id int)')
    await expect(migrate(foreign)).rejects.toThrow(/P3005/)
    const { rows } = await foreign.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
    expect(rows).toEqual([{ tablename: 'precious' }])
  } finally {
    await foreign.close()
  }
})

async function newDatabase(): Promise<PGlite> {
  const dataDir = await mkdtemp(join(inject('scratch'), 'new-'))
  await createEmptyPglite(dataDir)
  return openPglite(dataDir)
}

async function names(): Promise<string[]> {
  const { rows } = await db.query<{ migration_name: string }>('SELECT migration_name FROM _prisma_migrations')
  return rows.map((row) => row.migration_name)
}
