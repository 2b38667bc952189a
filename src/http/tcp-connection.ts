import type { Socket } from 'node:net'
import { callerOf } from '../accounts/caller-of.ts'
import type { Caller } from '../lib/caller.ts'
import type { Fault } from '../lib/peer.ts'

/** Timeout in milliseconds for the client to close a connection that the server has ended. */
const GOODBYE_MS = 1_000

/** libuv's write counters; a socket's public properties change only when a whole chunk is written. */
interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

export class TcpConnection {
  readonly socket: Socket
  /** Charged for pending bytes: the address until a key is known. */
  caller: Caller
  // Made when they are needed: an empty set is as large as a full one.
  #onFault: Set<(fault: Fault) => void> | undefined
  #onBroken: readonly ((fault: Fault) => void)[] = []
  readonly #breakOff: (connection: TcpConnection) => void
  #flushed = -1
  #stalledMs = 0
  #closingMs: number | undefined
  #endedAtMs: number | undefined

  /** @param breakOff breaks, counts and logs a connection whose client does not read. */
  constructor(socket: Socket, breakOff: (connection: TcpConnection) => void) {
    this.socket = socket
    this.#breakOff = breakOff
    this.caller = callerOf({ type: 'anonymous' }, socket.remoteAddress)
    // Between two protocols nothing else listens, and an unhandled `error` ends the process.
    socket.on('error', () => socket.destroy())
  }

  get waiting(): number {
    return this.socket.writableLength
  }

  /** Milliseconds for which the system has accepted none of the pending bytes. */
  get stalledMs(): number {
    return this.#stalledMs
  }

  /** Ends subscriptions at the stall limit; the connection breaks after as long again. */
  onFault(callback: (fault: Fault) => void): void {
    this.#onFault ??= new Set()
    this.#onFault.add(callback)
  }

  offFault(callback: (fault: Fault) => void): void {
    this.#onFault?.delete(callback)
    if (this.#stalledMs > 0) this.#endedAtMs ??= this.#stalledMs
  }

  /** Calls back before the server breaks the connection. @returns an unsubscribe function. */
  onBroken(callback: (fault: Fault) => void): () => void {
    this.#onBroken = [...this.#onBroken, callback]
    return () => {
      this.#onBroken = this.#onBroken.filter((each) => each !== callback)
    }
  }

  cutOff(): void {
    this.#breakOff(this)
  }

  /** Ends what the connection carries with this fault, then breaks it: otherwise its client seems to have left. */
  destroy(fault: Fault): void {
    for (const callback of [...(this.#onFault ?? []), ...this.#onBroken]) callback(fault)
    this.socket.destroy()
  }

  /** Writes the last bytes and half-closes the connection; further input is dropped. */
  end(bytes = ''): void {
    const { socket } = this
    if (this.#closingMs !== undefined) return
    this.#closingMs = 0
    socket.once('end', () => socket.destroy())
    socket.end(bytes)
    // Unread input would turn the close into a reset, which can lose the last bytes.
    socket.resume()
  }

  get isClosing(): boolean {
    return this.#closingMs !== undefined
  }

  /** @param elapsed milliseconds in which bytes could move. @returns whether the connection must be broken. */
  isOver(elapsed: number, limit: number): boolean {
    if (this.#closingMs !== undefined) {
      this.#closingMs += elapsed
      if (this.#closingMs > GOODBYE_MS) return true
    }
    const flushed = this.#countFlushed()
    if (this.waiting === 0 || flushed !== this.#flushed) {
      this.#flushed = flushed
      this.#stalledMs = 0
      this.#endedAtMs = undefined
      return false
    }
    this.#stalledMs += elapsed
    if (this.#stalledMs < limit) return false
    // Set once: subscribing again meanwhile does not extend the timeout.
    if (this.#onFault?.size) this.#endedAtMs ??= this.#stalledMs
    for (const callback of [...(this.#onFault ?? [])]) callback('SLOW_CONSUMER')
    return this.#stalledMs - (this.#endedAtMs ?? 0) >= limit
  }

  // Both `bytesWritten` include bytes still queued in this process, so heartbeats would look like progress.
  #countFlushed(): number {
    const { _handle: handle } = this.socket as { _handle?: Handle | null }
    if (handle && handle.writeQueueSize !== undefined) return handle.bytesWritten - handle.writeQueueSize
    return this.socket.bytesWritten - this.socket.writableLength
  }
}
