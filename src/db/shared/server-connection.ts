import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { StartError } from '../../errors.ts'
import type { DatabaseConnection } from '../database-connection.ts'
import { inUse } from '../directory-lock.ts'
import { decodeMessages, encodeMessage, type Reply, type Request } from './messages.ts'
import { socketPath } from './socket-path.ts'

export class ServerGone extends StartError {
  constructor() {
    super('The server that has the embedded database open has stopped. Run the command again.')
  }
}

/** A connection to the server that shares its embedded database. */
export class ServerConnection {
  readonly #socket: Socket
  readonly #replies: AsyncGenerator<Reply, undefined>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#replies = decodeMessages<Reply>(socket)
  }

  /** @throws Error when no server accepts connections there. */
  static async open(path: string): Promise<ServerConnection> {
    const socket = connect(path)
    await once(socket, 'connect')
    // The reply that does not arrive reports it.
    socket.on('error', () => undefined)
    return new ServerConnection(socket)
  }

  /** Replies arrive in the order of the requests. @throws ServerGone, Error with the `cause` of a driver adapter's. */
  async call<Result>(request: Request): Promise<Result> {
    this.#socket.write(encodeMessage(request))
    const { value: reply } = await this.#replies.next().catch(() => ({ value: undefined }))
    if (!reply) throw new ServerGone()
    if ('message' in reply) throw new Error(reply.message, { cause: reply.cause })
    return reply.result as Result
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Connects to the server that has the embedded database open. @throws StartError naming the process that has it. */
export async function connectToServer(dataDir: string): Promise<DatabaseConnection & AsyncDisposable> {
  const connection = await open(dataDir)
  return {
    query: (sql, parameters) => connection.call({ method: 'query', sql, parameters }),
    exec: (sql) => connection.call({ method: 'exec', sql }),
    async [Symbol.asyncDispose]() {
      connection.close()
    },
  }
}

async function open(dataDir: string): Promise<ServerConnection> {
  try {
    return await ServerConnection.open(socketPath(dataDir))
  } catch (error) {
    const reason = error instanceof StartError ? error.message : 'That process is not a server, or not ready yet.'
    throw await inUse(dataDir, `${reason} Wait for it, or stop it.`)
  }
}
