import type { Socket } from 'node:net'
import { callerOf } from '../accounts/caller-of.ts'
import type { Caller } from '../lib/caller.ts'

/** Timeout in milliseconds for the client to close a connection that the server has ended. */
const GOODBYE_MS = 1_000

/** libuv's write counters; a socket's public properties change only when a whole chunk is written. */
interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

/** One TCP connection of any protocol. */
export class Connection {
  readonly socket: Socket
  /** Charged for pending bytes: the address until a key is known. */
  caller: Caller
  readonly #onStalled = new Set<() => void>()
  #flushed = -1
  #still = 0
  #closing: number | undefined
  /** Value of `#still` when its subscriptions were ended. */
  #told: number | undefined

  constructor(socket: Socket) {
    this.socket = socket
    this.caller = callerOf({ type: 'anonymous' }, socket.remoteAddress)
    // Between two protocols nothing else listens, and an unhandled `error` ends the process.
    socket.on('error', () => socket.destroy())
  }

  get waiting(): number {
    return this.socket.writableLength
  }

  /** Milliseconds for which the system has accepted none of the pending bytes. */
  get still(): number {
    return this.#still
  }

  /** Ends subscriptions at the stall limit; the connection breaks after as long again. @returns how to unsubscribe. */
  onStalled(callback: () => void): () => void {
    this.#onStalled.add(callback)
    return () => {
      this.#onStalled.delete(callback)
      if (this.#still > 0) this.#told ??= this.#still
    }
  }

  /** Writes the last bytes and half-closes the connection; further input is dropped. */
  end(bytes = ''): void {
    const { socket } = this
    if (this.#closing !== undefined) return
    this.#closing = 0
    socket.once('end', () => socket.destroy())
    socket.end(bytes)
    // Unread input would turn the close into a reset, which can lose the last bytes.
    socket.resume()
  }

  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /** @param elapsed milliseconds in which bytes could move. @returns whether the connection must be broken. */
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
    // Set once: subscribing again meanwhile does not extend the timeout.
    if (this.#onStalled.size > 0) this.#told ??= this.#still
    for (const callback of [...this.#onStalled]) callback()
    return this.#still - (this.#told ?? 0) >= limit
  }

  // Both `bytesWritten` include bytes still queued in this process, so heartbeats would look like progress.
  #countFlushed(): number {
    const { _handle: handle } = this.socket as { _handle?: Handle | null }
    if (handle && handle.writeQueueSize !== undefined) return handle.bytesWritten - handle.writeQueueSize
    return this.socket.bytesWritten - this.socket.writableLength
  }
}
