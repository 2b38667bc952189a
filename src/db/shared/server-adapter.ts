import {
  DriverAdapterError,
  type Error as DriverError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type SqlQueryable,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils'
import type { Request } from './messages.ts'
import { ServerConnection, ServerGone } from './server-connection.ts'

const NAMES = { provider: 'postgres', adapterName: 'tidemark' } as const

/** Prisma's driver for an embedded database that a server shares. */
export function serverAdapter(path: string): SqlDriverAdapterFactory {
  return { ...NAMES, connect: async () => adapterOf(path, await ServerConnection.open(path).catch(throwGone)) }
}

/** A connection to the server, or to one that has taken its place. */
class LastingConnection {
  readonly #path: string
  #open: Promise<ServerConnection> | undefined

  constructor(path: string, first: ServerConnection) {
    this.#path = path
    this.#open = Promise.resolve(first)
  }

  /** @throws ServerGone after the server has stopped, and while none has taken its place. */
  async call<Result>(request: Request): Promise<Result> {
    this.#open ??= ServerConnection.open(this.#path)
    const open = this.#open
    try {
      const connection = await open.catch(() => {
        throw new ServerGone()
      })
      return await connection.call<Result>(request)
    } catch (error) {
      if (error instanceof ServerGone && this.#open === open) this.#open = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    ;(await this.#open?.catch(() => undefined))?.close()
  }
}

type Connection = Pick<ServerConnection, 'call'>

function adapterOf(path: string, first: ServerConnection): SqlDriverAdapter {
  const connection = new LastingConnection(path, first)
  return {
    ...queryable(connection),
    executeScript: (sql) => call(connection, { method: 'exec', sql }),
    getConnectionInfo: () => ({ supportsRelationJoins: true }),
    // On a connection of its own: other statements of this client do not belong to it.
    startTransaction: async () => begin(await ServerConnection.open(path).catch(throwGone)),
    dispose: () => connection.close(),
  }
}

async function begin(connection: ServerConnection): Promise<Transaction> {
  const end = (method: 'commit' | 'rollback') =>
    call<void>(connection, { method }).finally(() => {
      connection.close()
    })
  try {
    await call(connection, { method: 'begin' })
  } catch (error) {
    connection.close()
    throw error
  }
  return {
    ...queryable(connection),
    // COMMIT and ROLLBACK are sent by the methods.
    options: { usePhantomQuery: true },
    commit: () => end('commit'),
    rollback: () => end('rollback'),
  }
}

function queryable(connection: Connection): SqlQueryable {
  return {
    ...NAMES,
    queryRaw: (query: SqlQuery) => call<SqlResultSet>(connection, { method: 'queryRaw', query }),
    executeRaw: (query: SqlQuery) => call<number>(connection, { method: 'executeRaw', query }),
  }
}

function call<Result>(connection: Connection, request: Request): Promise<Result> {
  return connection.call<Result>(request).catch((error: Error) => {
    if (error instanceof ServerGone) throwGone()
    throw error.cause ? new DriverAdapterError(error.cause as DriverError) : error
  })
}

function throwGone(): never {
  throw new DriverAdapterError({ kind: 'ConnectionClosed' })
}
