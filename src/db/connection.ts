import pg from 'pg'
import { StartError } from '../errors.ts'

/** One connection, not a pool. */
export interface DatabaseConnection {
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>
  /** Runs a whole file in one implicit transaction (the simple query protocol). */
  exec(sql: string): Promise<unknown>
}

const CONNECT_MS = 10_000

/** The system checks every second that an idle peer is still there, ten times. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const

// Prisma's adapters read timestamptz as UTC. Read committed: an append checks for duplicates after waiting for its
// stream, and must see later commits. The lock timeout keeps one held stream row from exhausting the pool.
const SESSION_OPTIONS = '-c timezone=UTC -c default_transaction_isolation=read\\ committed -c lock_timeout=10s'

/** Connects to PostgreSQL. @param limit of a statement, in milliseconds. @throws StartError with the reason. */
export async function connect(databaseUrl: string, limit?: number): Promise<DatabaseConnection & AsyncDisposable> {
  const client = await connectedClient(databaseUrl, limit).catch((error) => {
    throw new StartError(`DATABASE_URL: ${whyNot(error)} (${error.message || error.code})`, { cause: error })
  })
  // A connection that breaks while idle fails the next query instead.
  client.on('error', () => undefined)
  return {
    query: (sql, parameters) => client.query(sql, parameters),
    exec: (sql) => client.query(sql),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

// Apart, because `new pg.Client` reads the certificates that the URL names, and its failure must be caught too.
async function connectedClient(databaseUrl: string, limit: number | undefined): Promise<pg.Client> {
  const limits = { connectionTimeoutMillis: CONNECT_MS, query_timeout: limit }
  const client = new pg.Client({ ...session(databaseUrl), ...limits, ...KEEP_ALIVE })
  await client.connect()
  return client
}

/** Settings of every PostgreSQL session; `options` in the URL would replace ours, so they are merged. */
export function session(databaseUrl: string): { connectionString: string; options: string } {
  const url = new URL(databaseUrl)
  const given = url.searchParams.get('options') ?? ''
  url.searchParams.delete('options')
  return { connectionString: url.href, options: `${given} ${SESSION_OPTIONS}`.trim() }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused.',
  ENOTFOUND: 'host not found.',
  '28000': 'access denied for this user.',
  '28P01': 'wrong password.',
  '3D000': 'the database does not exist.',
  '53300': 'too many connections.',
}

function whyNot({ code }: { code?: string }): string {
  return REASONS[code ?? ''] ?? 'cannot connect to the database.'
}
