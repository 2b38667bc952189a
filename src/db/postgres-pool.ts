import { Socket } from 'node:net'
import pg from 'pg'
import { KEEP_ALIVE } from './database-connection.ts'
import { pinSession, type Session } from './session.ts'

/** Connections that nothing waits for without end: a peer that is gone, or a firewall, does not close them. */
export interface PostgresPool extends Disposable {
  readonly pool: pg.Pool
  /** Replaces the limit, in milliseconds, for statements in progress, too. */
  limit(milliseconds: number): void
}

/** Longest wait for a connection, free or new, in milliseconds. */
const CONNECT_MS = 5_000

/** Milliseconds until a connection is ended, after PostgreSQL should have cancelled its statement. */
const GRACE_MS = 500

/**
 * Opens a pool. PostgreSQL cancels a statement after the limit, in milliseconds; if no answer comes even then, its
 * connection ends. A transaction has the limit for all of its statements.
 */
export function openPool(
  { connectionString, schema }: Session,
  { max, limit }: { max: number; limit: number },
): PostgresPool {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({
    connectionString,
    onConnect: (client) =>
      client.query({ text: pinSession(schema, limit), query_timeout: CONNECT_MS } as pg.QueryConfig),
    ...KEEP_ALIVE,
    connectionTimeoutMillis: Math.min(CONNECT_MS, limit),
    max,
    stream: () => {
      const socket = new Socket()
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      return socket
    },
  })
  const held = new Map<pg.PoolClient, NodeJS.Timeout>()
  const hold = (client: pg.PoolClient) => {
    clearTimeout(held.get(client))
    held.set(
      client,
      setTimeout(() => void client.end(), limit + GRACE_MS),
    )
  }
  pool.on('acquire', hold)
  pool.on('release', (_error, client) => {
    clearTimeout(held.get(client))
    held.delete(client)
  })
  return {
    pool,
    limit(milliseconds) {
      limit = milliseconds
      pool.options.connectionTimeoutMillis = Math.min(CONNECT_MS, milliseconds)
      for (const client of [...held.keys()]) hold(client)
    },
    // After the end of the pool, which does not wait for the peers: nor does the process.
    [Symbol.dispose]() {
      for (const socket of sockets) socket.unref()
    },
  }
}
