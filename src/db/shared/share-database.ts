import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { ClientSession, type SharedParts } from './client-session.ts'
import { decodeMessages, encodeMessage, type Reply, type Request } from './messages.ts'

/** Longest pause between the statements of a transaction, in milliseconds: the server's own statements wait for it. */
const PAUSE_MS = 5_000

/** @param path of a socket of mode 600; the caller holds the folder's lock, so an existing one is stale. */
export async function shareDatabase(parts: SharedParts, path: string): Promise<AsyncDisposable> {
  const sockets = new Map<Socket, Promise<void>>()
  const server = createServer((socket) => {
    const served = serve(socket, new ClientSession(parts)).finally(() => sockets.delete(socket))
    sockets.set(socket, served)
  })
  await rm(path, { force: true })
  server.listen(path)
  await once(server, 'listening')
  // Such as too many open files: the next connection may succeed.
  server.on('error', () => undefined)
  await chmod(path, 0o600)
  return {
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets.keys()) socket.destroy()
      await Promise.all(sockets.values())
    },
  }
}

// A loop, not a pipeline of streams, which would not wait for a statement in progress: what it began must be ended.
async function serve(socket: Socket, session: ClientSession): Promise<void> {
  const closed = new AbortController()
  socket.on('close', () => closed.abort())
  socket.on('error', () => undefined)
  socket.on('timeout', () => socket.destroy())
  try {
    for await (const request of decodeMessages<Request>(socket)) {
      socket.setTimeout(0)
      const reply = await replyTo(request, session)
      if (session.inTransaction) socket.setTimeout(PAUSE_MS)
      if (!socket.write(encodeMessage(reply))) await once(socket, 'drain', closed)
    }
  } catch {
    // The client has disconnected, or was disconnected.
  } finally {
    // A transaction that cannot be rolled back has ended.
    await session.end().catch(() => undefined)
    socket.destroy()
  }
}

async function replyTo(request: Request, session: ClientSession): Promise<Reply> {
  try {
    return { result: await session.run(request) }
  } catch (error) {
    const { name, message, cause } = error as Error
    return name === 'DriverAdapterError' ? { message, cause: cause as object } : { message }
  }
}
