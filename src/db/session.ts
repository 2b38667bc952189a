import pg from 'pg'

/** The schema of the tables where the address names none with `schema`, a parameter that Prisma has too. */
const DEFAULT_SCHEMA = 'public'

/** What statements, functions and drivers rely on; a server, a database and a role can each have other defaults. */
const RELIED_ON = {
  // Prisma's adapters read and write times without a time zone.
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  bytea_output: 'hex',
  // Lists of parameters contain nulls.
  array_nulls: 'on',
  // An append checks for duplicates after waiting for its stream, and must see later commits.
  default_transaction_isolation: 'read committed',
  // Foreign keys and triggers keep tenants apart, and a replica's session skips them.
  session_replication_role: 'origin',
} as const

/** Optional: Tidemark works without them. The lock timeout keeps one held stream row from exhausting the pool. */
const PREFERRED = {
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  lock_timeout: '10s',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
} as const

export interface Session {
  readonly connectionString: string
  readonly schema: string
}

/** Splits DATABASE_URL into what the driver reads and what this module does. */
export function sessionOf(databaseUrl: string): Session {
  const url = new URL(databaseUrl)
  const schema = url.searchParams.get('schema') || DEFAULT_SCHEMA
  url.searchParams.delete('schema')
  const mode = url.searchParams.get('sslmode')
  // As in libpq, where "require" verifies only against a given `sslrootcert`; "no-verify" is the driver's own.
  if (mode && mode !== 'no-verify') url.searchParams.set('uselibpqcompat', 'true')
  return { connectionString: url.href, schema }
}

/** For statements that find a few rows by index, in lists of any length: else each is planned anew at each call. */
export const LOOKUPS = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', jit: 'off' } as const

/**
 * A statement, because poolers reject startup options; skips unknown settings.
 * @param limit of statements, in ms. @param others further settings.
 */
export function pinSession(schema = DEFAULT_SCHEMA, limit = 0, others: Readonly<Record<string, string>> = {}): string {
  const own = { search_path: pg.escapeIdentifier(schema), statement_timeout: String(limit), ...others }
  return `SELECT set_config(name, value, false) FROM (VALUES ${rows({ ...RELIED_ON, ...PREFERRED, ...own })})
    AS pinned (name, value) WHERE current_setting(name, true) <> value`
}

/** Selects the `name` of each setting that a session relies on and does not have: some poolers change it in between. */
export function changedSettings(schema = DEFAULT_SCHEMA): string {
  // Etc/UTC is UTC, and the order of day and month plays no part in ISO dates.
  return `SELECT name FROM (VALUES ${rows(RELIED_ON)}) AS pinned (name, value)
     WHERE split_part(replace(current_setting(name, true), 'Etc/', ''), ',', 1) <> split_part(value, ',', 1)
    UNION ALL SELECT 'search_path' WHERE current_schema() IS DISTINCT FROM ${pg.escapeLiteral(schema)}`
}

function rows(settings: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(settings)
  return pairs.map((pair) => `(${pair.map((text) => pg.escapeLiteral(text)).join(', ')})`).join(', ')
}
