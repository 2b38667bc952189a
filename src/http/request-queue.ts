import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** How many requests of a connection may wait for the answers before theirs. Node reads all that a chunk of 64 KiB holds. */
const MOST_WAITING = 64

/**
 * Hands out the requests of each connection one at a time: the next when the answer to the one before has been handed to the system.
 * Node itself hands out all that it has read, and keeps their answers.
 */
export class RequestQueue {
  readonly #waiting = new WeakMap<Duplex, (() => void)[]>()
  readonly #onFlood: (connection: Duplex) => void

  /** @param onFlood breaks a connection that asks ahead too far. */
  constructor(onFlood: (connection: Duplex) => void) {
    this.#onFlood = onFlood
  }

  /** Answers a request when its turn comes; never, when the connection ends before. */
  answer(connection: Duplex, response: ServerResponse, start: () => void): void {
    this.#enter(connection, () => {
      this.#waiting.set(connection, this.#waiting.get(connection) ?? [])
      response.once('close', () => this.#next(connection))
      start()
    })
  }

  /** Hands the connection to another protocol once what was asked before has been answered. */
  takeOver(connection: Duplex, start: () => void): void {
    this.#enter(connection, () => {
      this.#waiting.delete(connection)
      start()
    })
  }

  #enter(connection: Duplex, start: () => void): void {
    const waiting = this.#waiting.get(connection)
    // Of a chunk, Node reads all requests, also when the first of them ends the connection.
    if (!connection.writable) return
    if (!waiting) start()
    else if (waiting.push(start) > MOST_WAITING) this.#onFlood(connection)
    else {
      // Not at once: Node reads on at the end of each request.
      process.nextTick(() => {
        if (waiting.length > 0) connection.pause()
      })
    }
  }

  #next(connection: Duplex): void {
    const waiting = this.#waiting.get(connection)
    if (!waiting || !connection.writable) return
    const start = waiting.shift()
    if (waiting.length === 0) connection.resume()
    if (start) start()
    else this.#waiting.delete(connection)
  }
}
