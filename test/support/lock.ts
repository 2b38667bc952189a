import pg from 'pg'
import type { DatabaseSettings } from './database.ts'
import { TEST } from './postgres.ts'

/** Holds the locks of a statement, as another database client would, until disposed of. */
export async function holdLock({ DATABASE_URL }: DatabaseSettings, sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: DATABASE_URL, application_name: TEST })
  await client.connect()
  await client.query('BEGIN')
  await client.query(sql, values)
  return {
    async [Symbol.asyncDispose]() {
      await client.query('ROLLBACK').catch(() => undefined)
      await client.end()
    },
  }
}
