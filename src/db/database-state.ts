import { Prisma } from './generated/prisma/client.ts'
import type { Queries } from './queries.ts'
import { changedSettings } from './session.ts'
import { isLockTimeout } from './transient-errors.ts'

export interface DatabaseState {
  /** False for a replica, and for a database that is read-only, as after some failovers or to protect a full disk. */
  readonly writable: boolean
  /** Functions that this version calls and the database lacks. */
  readonly missing: readonly string[]
  /** Settings that sessions do not keep, as behind a pooler that shares their connections. */
  readonly changedSettings: readonly string[]
  readonly readable: boolean
}

/** What a server needs of its database, besides the migrations. @param functions names of those that it calls. */
export async function databaseState(
  db: Queries,
  functions: readonly string[],
  schema?: string,
): Promise<DatabaseState> {
  const rows = await db.$queryRaw<{ writable: boolean; missing: string[] | null }[]>`
    SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable,
           (SELECT array_agg(f.name) FROM unnest(${functions}::text[]) f(name)
             WHERE to_regproc(f.name) IS NULL) AS missing`
  const changed = await db.$queryRaw<{ name: string }[]>(Prisma.raw(changedSettings(schema)))
  const readable = await isReadable(db)
  return {
    writable: rows[0]?.writable === true,
    missing: rows[0]?.missing ?? [],
    changedSettings: changed.map(({ name }) => name),
    readable,
  }
}

// A locked table is there, and will be free again: the check does not wait for it. The block is one statement, and a
// transaction of its own, whose second step locks the table after the first has limited the wait.
function isReadable(db: Queries): Promise<boolean> {
  const asked = db.$queryRaw`DO $$ BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    PERFORM id FROM organization LIMIT 1;
  END $$`
  return asked.then(() => true, isLockTimeout)
}
