import type { Server, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { Bag } from '../lib/bag.ts'
import type { TcpConnections } from './tcp-connections.ts'

/** Timeout for requests in progress, in milliseconds; closing the rest takes a share of the ten seconds of a stop. */
const TIMEOUT_MS = 7_000

/** Stops gracefully: accepts no connections, finishes requests and closes their connections, then the unused ones. */
export class Drainer {
  readonly #http: Server
  readonly #connections: TcpConnections
  readonly #underWay = new Bag<ServerResponse>()
  #draining = false

  constructor(http: Server, connections: TcpConnections) {
    this.#http = http
    this.#connections = connections
  }

  add(response: ServerResponse): void {
    this.#underWay.add(response)
    if (this.#draining) endWith(response)
    response.once('close', () => {
      this.#underWay.delete(response)
      if (this.#draining) this.#closeIdle()
    })
  }

  async drain(): Promise<void> {
    this.#draining = true
    for (const response of this.#underWay.all()) endWith(response)
    this.#connections.hurry()
    const closed = promisify(this.#http.close.bind(this.#http))()
    this.#closeIdle()
    const timeout = setTimeout(() => this.#connections.close(), TIMEOUT_MS)
    await closed.finally(() => clearTimeout(timeout))
    this.#connections.close()
  }

  #closeIdle(): void {
    if (this.#underWay.size === 0) this.#http.closeAllConnections()
  }
}

/** Closes the connection after this response: a client that keeps sending requests would hold up the stop. */
function endWith(response: ServerResponse): void {
  response.shouldKeepAlive = false
}
