import type { Logger } from 'pino'
import { allows, isOwnOrigin, type Origins } from './origins.ts'

/** Origins that are logged: a client can invent any number of them, of any length. */
const MOST_LOGGED = { origins: 100, length: 200 } as const

/** Decides which web pages may use the server, and logs each rejected origin once: browsers do not tell pages why. */
export class OriginPolicy {
  readonly #origins: Origins
  readonly #logger: Logger
  readonly #logged = new Set<string>()

  constructor(origins: Origins, logger: Logger) {
    this.#origins = origins
    this.#logger = logger
  }

  /** Whether CORS_ORIGINS lists the origin. @param origin null or empty for a request that is not a page's. */
  lists(origin: string | null | undefined, host: string | null | undefined): boolean {
    const listed = allows(this.#origins, origin ?? '')
    if (!listed && origin && !isOwnOrigin(origin, host ?? '')) this.#log(origin)
    return listed
  }

  /** Like `lists`, where any origin is allowed unless CORS_ORIGINS is set. */
  listsOrOpen(origin: string, host: string | undefined): boolean {
    return this.#origins.length === 0 || this.lists(origin, host)
  }

  #log(origin: string): void {
    const text = origin.slice(0, MOST_LOGGED.length)
    if (this.#logged.size >= MOST_LOGGED.origins || this.#logged.has(text)) return
    this.#logged.add(text)
    this.#logger.info({ origin: text }, 'web page rejected: add its origin to CORS_ORIGINS if it may use this server')
  }
}
