import { setTimeout } from 'node:timers/promises'
import { CodedError } from '../../errors.ts'
import { MissingEventsError } from '../read/damage.ts'

/** The longest database outage that a reader survives, in milliseconds; its client limits each statement. */
const OUTAGE_MS = 60_000

const RETRY_MS = 500

/** Repeats the reads of one live reader, so that it survives a database outage. */
export class OutageRetry {
  readonly #onError: (error: unknown) => void
  #pause: AbortController | undefined
  #isStopped = false

  /** @param onError called with each error after which a read is repeated. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** @returns undefined if it was stopped after a failure. */
  async run<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    const until = performance.now() + OUTAGE_MS
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (this.#isStopped) return undefined
        const isFinal = error instanceof CodedError && error.code !== 'UNAVAILABLE'
        if (performance.now() > until || error instanceof MissingEventsError || isFinal) throw error
        this.#onError(error)
        this.#pause ??= new AbortController()
        await setTimeout(RETRY_MS, undefined, { signal: this.#pause.signal }).catch(() => undefined)
      }
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#pause?.abort()
  }
}
