import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'

/** How long Redis may take to answer, in milliseconds. */
const PATIENCE_MS = 500

/** How often one that has failed is asked whether it answers again, in milliseconds. */
const PROBE_MS = 1_000

/**
 * The Redis that servers count requests in: a circuit breaker, so that one that hangs costs a few requests a timeout
 * and not all.
 */
export class SharedRedis implements AsyncDisposable {
  readonly client: Redis
  readonly #logger: Logger
  #probe: NodeJS.Timeout | undefined

  constructor(url: string, logger: Logger) {
    this.#logger = logger
    this.client = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: PATIENCE_MS,
      commandTimeout: PATIENCE_MS,
    })
    this.client.on('ready', () => this.#works())
    // Not the error itself: that of a refused AUTH carries the password.
    this.client.on('error', ({ message }) => this.failed(message))
  }

  /** Whether it answered when it was asked last. */
  get usable(): boolean {
    return this.#probe === undefined && this.client.status === 'ready'
  }

  /** It has not answered: until it does, it is asked in the background only. */
  failed(reason: string): void {
    if (this.#probe) return
    this.#logger.debug({ reason }, 'requests are counted by this server alone')
    this.#probe = setInterval(() => {
      this.client.ping().then(
        () => this.#works(),
        () => undefined,
      )
    }, PROBE_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#works()
    if (this.client.status === 'end') return
    const ended = new Promise((resolve) => this.client.once('end', resolve))
    this.client.disconnect()
    // One that was about to connect again has ended without a word.
    await Promise.race([ended, setTimeout(PATIENCE_MS, undefined, { ref: false })])
    this.#works()
  }

  #works(): void {
    clearInterval(this.#probe)
    this.#probe = undefined
  }
}
