import pg from 'pg'
import { type DatabaseSettings, runSql } from './database.ts'
import { TEST } from './postgres.ts'

/** Holds the locks of a statement, as another database client would, until committed or disposed of. */
export async function holdLock({ DATABASE_URL }: DatabaseSettings, sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: DATABASE_URL, application_name: TEST })
  await client.connect()
  await client.query('BEGIN')
  await client.query(sql, values)
  return {
    /** Runs more statements in the same transaction, and commits it. */
    async commit(more: string) {
      await client.query(`${more}; COMMIT`)
    },
    async [Symbol.asyncDispose]() {
      await client.query('ROLLBACK').catch(() => undefined)
      await client.end()
    },
  }
}

/** The number of statements that wait for a lock. */
export async function lockWaits(env: DatabaseSettings): Promise<number> {
  const [row] = await runSql<{ n: number }>(
    env,
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return row?.n ?? 0
}
