import { Socket } from 'node:net'
import pg from 'pg'
import { KEEP_ALIVE } from '../db/database-connection.ts'
import { pinSession, sessionOf } from '../db/session.ts'
import { NAMES, type OpenChannel, TIMEOUTS } from './channel.ts'

/** LISTEN/NOTIFY on its own connection: a pool reclaims it, and a NOTIFY inside an append serializes all commits. */
export function postgresChannel(databaseUrl: string): OpenChannel {
  const { connectionString, schema } = sessionOf(databaseUrl)
  const url = new URL(connectionString)
  // In the URL, because an application_name there overrides the option.
  url.searchParams.set('application_name', NAMES.connection)
  return async ({ received, lose }, stop) => {
    const socket = new Socket()
    const client = new pg.Client({
      connectionString: url.href,
      stream: () => socket,
      ...KEEP_ALIVE,
      connectionTimeoutMillis: TIMEOUTS.connect,
      query_timeout: TIMEOUTS.response,
    })
    const closed = new Promise<void>((resolve) => client.once('end', resolve))
    client.on('error', lose)
    client.on('end', () => lose(new Error('PostgreSQL has closed the connection.')))
    client.on('notification', ({ payload }) => received(payload ?? ''))
    stop.addEventListener('abort', () => closeClient(client, socket), { once: true })
    // One at a time: the client's own queue is deprecated.
    let last: Promise<unknown> = Promise.resolve()
    const query = (sql: string, parameters?: string[]): Promise<void> => {
      const result = last.then(() => client.query(sql, parameters))
      last = result.catch(() => undefined)
      return result.then(() => undefined)
    }
    try {
      // connect() never settles when the client is ended meanwhile.
      await Promise.race([client.connect(), closed])
      stop.throwIfAborted()
      await query(pinSession(schema))
      await query(`LISTEN ${NAMES.channel}`)
    } catch (error) {
      lose(error)
      await closed
      throw error
    }
    return {
      send: (message) => query(`SELECT pg_notify('${NAMES.channel}', $1)`, [message]),
      closed,
    }
  }
}

function closeClient(client: pg.Client, socket: Socket): void {
  if (socket.destroyed) return
  // end() waits for the peer, which may be gone.
  const timer = setTimeout(() => socket.destroy(), TIMEOUTS.close)
  client.once('end', () => clearTimeout(timer))
  void client.end()
}
