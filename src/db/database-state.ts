import type { PrismaClient } from './generated/prisma/client.ts'

export interface DatabaseState {
  /** False for a replica, and for a database that is read-only, as after some failovers or to protect a full disk. */
  readonly writable: boolean
  /** Functions that this version calls and the database lacks. */
  readonly missing: readonly string[]
}

/** What a server needs of its database, besides the migrations. @param functions names of those that it calls. */
export async function databaseState(db: PrismaClient, functions: readonly string[]): Promise<DatabaseState> {
  const rows = await db.$queryRaw<{ writable: boolean; missing: string[] | null }[]>`
    SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable,
           (SELECT array_agg(f.name) FROM unnest(${functions}::text[]) f(name)
             WHERE to_regproc(f.name) IS NULL) AS missing`
  return { writable: rows[0]?.writable === true, missing: rows[0]?.missing ?? [] }
}
