import { POOL_SIZES } from '../../db/database.ts'
import type { DatabaseConnection } from '../../db/database-connection.ts'
import type { CheckResult } from './finding.ts'

const SHARE = 0.8

/** Maximum per server: its pools, and one that listens. */
const PER_SERVER = Object.values(POOL_SIZES).reduce<number>((sum, size) => sum + size, 1)

const CONNECTIONS = `
  SELECT count(*)::int AS taken,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
    count(*) FILTER (WHERE a.datname = d.datname)::int AS "takenHere", d.datconnlimit AS "mostHere"
  FROM pg_stat_activity a CROSS JOIN pg_database d
  WHERE a.backend_type = 'client backend' AND d.datname = current_database()
  GROUP BY d.datconnlimit`

/** Checks for free connections, in PostgreSQL and in this database. */
export async function checkConnections(db: DatabaseConnection): Promise<CheckResult> {
  const { rows } = await db.query<{ taken: number; most: number; takenHere: number; mostHere: number }>(CONNECTIONS)
  const { taken, most, takenHere, mostHere } = rows[0] ?? { taken: 0, most: 0, takenHere: 0, mostHere: -1 }
  const here = mostHere >= 0 && takenHere / mostHere > taken / most
  const found = here
    ? `${takenHere} of the ${mostHere} connections allowed for this database are in use.`
    : `${taken} of ${most} connections are in use.`
  if ((here ? takenHere / mostHere : taken / most) < SHARE) return { state: 'ok', found }
  const raise = here ? 'Raise the CONNECTION LIMIT of the database' : 'Raise max_connections'
  return { state: 'warning', found, advice: `${raise}, or run fewer servers: each uses up to ${PER_SERVER}.` }
}
