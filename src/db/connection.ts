import pg from 'pg'
import { StartError } from '../errors.ts'

/** One connection, not a pool. */
export interface Connection {
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>
  /** Runs a whole file in one implicit transaction (the simple query protocol). */
  exec(sql: string): Promise<unknown>
}

/** How long PostgreSQL may take to let us in, in milliseconds. */
const CONNECT_MS = 10_000

// Prisma's driver adapters read a timestamptz as if the session's time zone were UTC, so it has to be. And an append looks for
// duplicates after it has waited for its stream: it must see what was committed meanwhile, whatever the database's default is.
// Nor may somebody who holds a stream's row hold up every connection, one append after another.
const SESSION_OPTIONS = '-c timezone=UTC -c default_transaction_isolation=read\\ committed -c lock_timeout=10s'

/** Connects to PostgreSQL. @throws StartError, which says why it cannot. */
export async function connect(databaseUrl: string): Promise<Connection & AsyncDisposable> {
  const client = await connectedClient(databaseUrl).catch((error) => {
    throw new StartError(`DATABASE_URL: ${whyNot(error)} (${error.message || error.code})`, { cause: error })
  })
  // What breaks while it waits for the next question is told by that.
  client.on('error', () => undefined)
  return {
    query: (sql, parameters) => client.query(sql, parameters),
    exec: (sql) => client.query(sql),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

// Making one reads the certificates that the address names, which may fail, too.
async function connectedClient(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ ...session(databaseUrl), connectionTimeoutMillis: CONNECT_MS })
  await client.connect()
  return client
}

/** What every connection to PostgreSQL is opened with. Options in the address would replace ours: they are added. */
export function session(databaseUrl: string): { connectionString: string; options: string } {
  const url = new URL(databaseUrl)
  const given = url.searchParams.get('options') ?? ''
  url.searchParams.delete('options')
  return { connectionString: url.href, options: `${given} ${SESSION_OPTIONS}`.trim() }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing answers there.',
  ENOTFOUND: 'there is no such host.',
  '28000': 'this user may not connect.',
  '28P01': 'the password is wrong.',
  '3D000': 'there is no such database.',
  '53300': 'all of its connections are taken.',
}

function whyNot({ code }: { code?: string }): string {
  return REASONS[code ?? ''] ?? 'the database cannot be reached.'
}
