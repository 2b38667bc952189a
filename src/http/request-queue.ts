import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Attached } from '../lib/attached.ts'

/** Maximum queued requests per connection; Node parses all that a chunk of 64 KiB holds. */
const MOST_WAITING = 64

/** Starts a connection's requests one at a time; Node would start all it has read, and buffer their responses. */
export class RequestQueue {
  readonly #waiting = new Attached<Duplex, (() => void)[]>()
  readonly #onFlood: (connection: Duplex) => void

  constructor(onFlood: (connection: Duplex) => void) {
    this.#onFlood = onFlood
  }

  /** Starts a request when its turn comes, or never if the connection ends before. */
  run(connection: Duplex, response: ServerResponse, start: () => void): void {
    this.#enter(connection, () => {
      this.#waiting.attach(connection, this.#waiting.of(connection) ?? [])
      response.once('close', () => this.#next(connection))
      start()
    })
  }

  /** Hands the connection to another protocol after all earlier responses. */
  takeOver(connection: Duplex, start: () => void): void {
    this.#enter(connection, () => {
      this.#waiting.attach(connection, undefined)
      start()
    })
  }

  #enter(connection: Duplex, start: () => void): void {
    const waiting = this.#waiting.of(connection)
    // Node parses all requests of a chunk, even when the first one ends the connection.
    if (!connection.writable) return
    if (!waiting) start()
    else if (waiting.push(start) > MOST_WAITING) this.#onFlood(connection)
    else {
      // Deferred, because Node resumes reading at the end of each request.
      process.nextTick(() => {
        if (waiting.length > 0) connection.pause()
      })
    }
  }

  #next(connection: Duplex): void {
    const waiting = this.#waiting.of(connection)
    if (!waiting || !connection.writable) return
    const start = waiting.shift()
    if (waiting.length === 0) connection.resume()
    if (start) start()
    else this.#waiting.attach(connection, undefined)
  }
}
