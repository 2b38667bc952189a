import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'

const TIMEOUT_MS = 500

/** Milliseconds between probes while the circuit is open. */
const PROBE_MS = 1_000

/** Redis for request counts, with a circuit breaker: an outage costs a few requests a timeout, not all. */
export class SharedRedis implements AsyncDisposable {
  readonly client: Redis
  readonly #logger: Logger
  #probe: NodeJS.Timeout | undefined

  constructor(url: string, logger: Logger) {
    this.#logger = logger
    this.client = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
    })
    this.client.on('ready', () => this.#works())
    // Only the message: the error of a rejected AUTH carries the password.
    this.client.on('error', ({ message }) => this.failed(message))
  }

  get usable(): boolean {
    return this.#probe === undefined && this.client.status === 'ready'
  }

  /** Opens the circuit: until Redis answers a background ping, no request uses it. */
  failed(reason: string): void {
    if (this.#probe) return
    this.#logger.debug({ reason }, 'Redis is unavailable: rate limits apply per server')
    this.#probe = setInterval(() => {
      this.client.ping().then(
        () => this.#works(),
        // A connection whose peer is gone never answers again.
        () => this.client.status === 'ready' && this.client.disconnect(true),
      )
    }, PROBE_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#works()
    if (this.client.status === 'end') return
    const ended = new Promise((resolve) => this.client.once('end', resolve))
    this.client.disconnect()
    // A client about to reconnect ends without an `end` event.
    await Promise.race([ended, setTimeout(TIMEOUT_MS, undefined, { ref: false })])
    this.#works()
  }

  #works(): void {
    clearInterval(this.#probe)
    this.#probe = undefined
  }
}
