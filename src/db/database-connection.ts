import pg from 'pg'
import { StartError } from '../errors.ts'
import { pinSession, sessionOf } from './session.ts'

export interface DatabaseConnection {
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>
  /** Runs a whole file in one implicit transaction (the simple query protocol). */
  exec(sql: string): Promise<unknown>
}

const CONNECT_MS = 10_000

/** The system checks every second that an idle peer is still there, ten times. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const

/** @param limit of a statement, in milliseconds. @throws StartError, also later, when the user lacks a right. */
export async function connect(databaseUrl: string, limit?: number): Promise<DatabaseConnection & AsyncDisposable> {
  const client = await connectedClient(databaseUrl, limit).catch((error) => {
    throw new StartError(`DATABASE_URL: ${whyNot(error)} (${error.message || error.code})`, { cause: error })
  })
  return {
    query: (sql, parameters) => client.query(sql, parameters).catch(explain),
    exec: (sql) => client.query(sql).catch(explain),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

// Apart, because `new pg.Client` reads the certificates that the URL names, and its failure must be caught too.
async function connectedClient(databaseUrl: string, limit: number | undefined): Promise<pg.Client> {
  const { connectionString, schema } = sessionOf(databaseUrl)
  const limits = { connectionTimeoutMillis: CONNECT_MS, query_timeout: limit }
  const client = new pg.Client({ connectionString, ...limits, ...KEEP_ALIVE })
  // A connection that breaks while idle fails the next query instead.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(pinSession(schema))
  } catch (error) {
    await client.end()
    throw error
  }
  return client
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused.',
  ENOTFOUND: 'host not found.',
  EAI_AGAIN: 'host not found.',
  ENOENT: 'file not found.',
  '28000': 'access denied for this user.',
  '28P01': 'wrong password.',
  '3D000': 'the database does not exist.',
  '42501': 'the user lacks a permission in the database.',
  '53300': 'too many connections.',
}

function whyNot({ code }: { code?: string }): string {
  return REASONS[code ?? ''] ?? 'cannot connect to the database.'
}

function explain(error: { code?: string; message: string }): never {
  if (error.code !== '42501') throw error
  throw new StartError(`DATABASE_URL: ${whyNot(error)} (${error.message})`, { cause: error })
}
