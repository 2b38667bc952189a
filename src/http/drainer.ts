import type { Server, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { TcpConnections } from './tcp-connections.ts'

/** Timeout for requests in progress, in milliseconds; closing the rest takes a share of the ten seconds of a stop. */
const TIMEOUT_MS = 7_000

/** Stops gracefully: accepts no connections, finishes requests in progress, then closes idle and unused connections. */
export class Drainer {
  readonly #http: Server
  readonly #connections: TcpConnections
  #underWay = 0
  #draining = false

  constructor(http: Server, connections: TcpConnections) {
    this.#http = http
    this.#connections = connections
  }

  add(response: ServerResponse): void {
    this.#underWay++
    response.once('close', () => {
      this.#underWay--
      if (this.#draining) this.#closeIdle()
    })
  }

  /** Resolves when every connection is closed, upgraded ones included. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#connections.hurry()
    const closed = promisify(this.#http.close.bind(this.#http))()
    this.#closeIdle()
    const timeout = setTimeout(() => this.#connections.close(), TIMEOUT_MS)
    await closed.finally(() => clearTimeout(timeout))
    this.#connections.close()
  }

  #closeIdle(): void {
    if (this.#underWay === 0) this.#http.closeAllConnections()
  }
}
