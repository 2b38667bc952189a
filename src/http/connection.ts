import type { Socket } from 'node:net'
import { callerOf } from '../accounts/caller-of.ts'
import type { Caller } from '../lib/caller.ts'

/** How long a connection that the server has ended may take to be closed by its client, in milliseconds. */
const GOODBYE_MS = 1_000

/** What a libuv handle says of its writes, which no public property of a socket tells before a whole chunk is written. */
interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

/** One TCP connection, whatever protocol it speaks. */
export class Connection {
  readonly socket: Socket
  /** On whose account its bytes wait: the address until a key is known. */
  caller: Caller
  readonly #onStalled = new Set<() => void>()
  #flushed = -1
  #still = 0
  #closing: number | undefined
  /** How still it was when the client was told that its subscription ends. */
  #told: number | undefined

  constructor(socket: Socket) {
    this.socket = socket
    this.caller = callerOf({ type: 'anonymous' }, socket.remoteAddress)
    // Between two protocols nothing else listens, and an error without a listener ends the process.
    socket.on('error', () => socket.destroy())
  }

  /** Bytes that wait to be written. */
  get waiting(): number {
    return this.socket.writableLength
  }

  /** For how long bytes wait of which none has been handed to the system, in milliseconds. */
  get still(): number {
    return this.#still
  }

  /**
   * Calls back when the client has taken nothing for the limit. A connection with such callbacks carries subscriptions: these end
   * first, with an error, and the connection breaks after as long again. @returns a function that takes the callback back.
   */
  onStalled(callback: () => void): () => void {
    this.#onStalled.add(callback)
    return () => {
      this.#onStalled.delete(callback)
      if (this.#still > 0) this.#told ??= this.#still
    }
  }

  /** Writes the last bytes and ends the server's side; what the client still sends is dropped. */
  end(bytes = ''): void {
    const { socket } = this
    if (this.#closing !== undefined) return
    this.#closing = 0
    socket.once('end', () => socket.destroy())
    socket.end(bytes)
    // Unread input would make the close a reset, by which the last bytes can be lost.
    socket.resume()
  }

  /** Whether the server has ended its side and waits for the client's. */
  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Looks at what has moved.
   * @param elapsed milliseconds since the last look in which something could have.
   * @returns whether the connection has to be broken.
   */
  isOver(elapsed: number, limit: number): boolean {
    if (this.#closing !== undefined) {
      this.#closing += elapsed
      if (this.#closing > GOODBYE_MS) return true
    }
    const flushed = this.#countFlushed()
    if (this.waiting === 0 || flushed !== this.#flushed) {
      this.#flushed = flushed
      this.#still = 0
      this.#told = undefined
      return false
    }
    this.#still += elapsed
    if (this.#still < limit) return false
    // Once: a client that subscribes again meanwhile does not get more time.
    if (this.#onStalled.size > 0) this.#told ??= this.#still
    for (const callback of [...this.#onStalled]) callback()
    return this.#still - (this.#told ?? 0) >= limit
  }

  // Bytes that wait in this process count as written already, in both properties, so that heartbeats would look like progress.
  #countFlushed(): number {
    const { _handle: handle } = this.socket as { _handle?: Handle | null }
    if (handle && handle.writeQueueSize !== undefined) return handle.bytesWritten - handle.writeQueueSize
    return this.socket.bytesWritten - this.socket.writableLength
  }
}
