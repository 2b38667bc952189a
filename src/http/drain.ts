import type { Server, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { Connections } from './connections.ts'

/** How long requests under way may take to be answered, in milliseconds. Closing the rest takes a share of the ten seconds of a stop. */
const PATIENCE_MS = 7_000

/**
 * Closes a server well: it takes no more connections, answers what it has begun, and then closes those that are only kept open,
 * also the ones that have never asked for anything.
 */
export class Drainer {
  readonly #http: Server
  readonly #connections: Connections
  #underWay = 0
  #draining = false

  constructor(http: Server, connections: Connections) {
    this.#http = http
    this.#connections = connections
  }

  /** Counts a response that has been begun. */
  add(response: ServerResponse): void {
    this.#underWay++
    response.once('close', () => {
      this.#underWay--
      if (this.#draining) this.#closeIdle()
    })
  }

  /** Resolves when every connection is closed, those that have become something else than HTTP as well. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#connections.hurry()
    const closed = promisify(this.#http.close.bind(this.#http))()
    this.#closeIdle()
    const impatience = setTimeout(() => this.#connections.close(), PATIENCE_MS)
    await closed.finally(() => clearTimeout(impatience))
    this.#connections.close()
  }

  #closeIdle(): void {
    if (this.#underWay === 0) this.#http.closeAllConnections()
  }
}
