import { Socket } from 'node:net'
import pg from 'pg'
import { Attached } from '../lib/attached.ts'
import { Bag } from '../lib/bag.ts'
import { KEEP_ALIVE } from './database-connection.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { pinSession, type Session } from './session.ts'

/** Connections that nothing waits for without end: a peer that is gone, or a firewall, does not close them. */
export interface PostgresPool extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly prepared: PreparedStatements
  /** Replaces the limit, in milliseconds, for statements in progress, too. */
  limit(milliseconds: number): void
}

/** Longest wait for a connection, free or new, in milliseconds. */
const CONNECT_MS = 5_000

/** Milliseconds until a connection is ended, after PostgreSQL should have cancelled its statement. */
const GRACE_MS = 500

/** PostgreSQL cancels a statement after the limit, in milliseconds; if it does not respond, the connection ends. */
export function openPool(
  { connectionString, schema }: Session,
  { max, limit, settings }: { max: number; limit: number; settings?: Readonly<Record<string, string>> },
): PostgresPool {
  const sockets = new Set<Socket>()
  const prepared = new PreparedStatements()
  const pool = new pg.Pool({
    connectionString,
    onConnect: async (client) => {
      const text = `${pinSession(schema, limit, settings)}; ${BACKEND}`
      const results = await client.query({ text, query_timeout: CONNECT_MS } as pg.QueryConfig)
      prepared.found(hasOwnSession(client, results as unknown as pg.QueryResult[]))
    },
    ...KEEP_ALIVE,
    connectionTimeoutMillis: Math.min(CONNECT_MS, limit),
    max,
    stream: () => {
      const socket = new Socket()
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      return socket
    },
  })
  // An idle connection that breaks is replaced, and needs no report. Without a listener it would end the process.
  pool.on('error', () => undefined)
  const held = new Bag<pg.PoolClient>()
  const timers = new Attached<pg.PoolClient, NodeJS.Timeout>()
  const hold = (client: pg.PoolClient) => {
    clearTimeout(timers.of(client))
    timers.attach(
      client,
      setTimeout(() => void client.end(), limit + GRACE_MS),
    )
    held.add(client)
  }
  pool.on('acquire', hold)
  pool.on('release', (_error, client) => {
    clearTimeout(timers.of(client))
    held.delete(client)
  })
  return {
    pool,
    prepared,
    limit(milliseconds) {
      limit = milliseconds
      pool.options.connectionTimeoutMillis = Math.min(CONNECT_MS, milliseconds)
      for (const client of held.all()) hold(client)
    },
    async [Symbol.asyncDispose]() {
      await pool.end()
      // The pool has not waited for the peers: nor does the process.
      for (const socket of sockets) socket.unref()
    },
  }
}

const BACKEND = 'SELECT pg_backend_pid() AS pid'

// A pooler whose clients share sessions invents the process id that it gives to each of them.
function hasOwnSession(client: pg.ClientBase, results: readonly pg.QueryResult<{ pid: number }>[]): boolean {
  return results.at(-1)?.rows[0]?.pid === (client as { processID?: number }).processID
}
