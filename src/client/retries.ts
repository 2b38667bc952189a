import { disconnected, TidemarkError } from './error.ts'

/** An API key; or a function that is called at each connection, with the key that the server has rejected, if any. */
export type Key = string | ((refused?: string) => string | Promise<string>)

export type OnRetry = (error: TidemarkError, delayMs: number) => void

const TEMPORARY = new Set(['DISCONNECTED', 'UNAVAILABLE', 'RATE_LIMITED', 'SLOW_CONSUMER'])

/** Attempts in a row that may fail with INTERNAL_SERVER_ERROR: a defect of the server may not pass. */
const MAX_INTERNAL = 5

const FIRST_MS = 200
const LONGEST_MS = 15_000

/** Longest delay that a server can ask for; timers have a limit. */
const MAX_DELAY_MS = 3_600_000

/** Repeats one operation until it succeeds or fails permanently, after growing random delays. */
export class Retries {
  readonly #key: Key
  readonly #onRetry: OnRetry | undefined
  readonly #signal: AbortSignal | undefined
  #failures = 0
  #internal = 0
  #newest: string | undefined
  #refusal: TidemarkError | undefined
  /** Keys that were refused once are never valid again. */
  readonly #refused = new Set<string>()

  constructor(key: Key, onRetry: OnRetry | undefined, signal?: AbortSignal) {
    this.#key = key
    this.#onRetry = onRetry
    this.#signal = signal
  }

  /** @throws the error of the last attempt if it cannot succeed later, or the reason of the signal. */
  async run<Result>(attempt: (key: string) => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        this.#signal?.throwIfAborted()
        return await attempt(await this.#nextKey())
      } catch (error) {
        await this.#after(error)
      }
    }
  }

  succeeded(): void {
    this.#failures = this.#internal = 0
  }

  async #nextKey(): Promise<string> {
    let key: string
    try {
      const refused = this.#refused.has(this.#newest ?? '') ? this.#newest : undefined
      key = typeof this.#key === 'function' ? await unlessAborted(this.#key(refused), this.#signal) : this.#key
    } catch (error) {
      this.#signal?.throwIfAborted()
      throw disconnected(`The function for the API key has failed: ${error}`, error)
    }
    if (this.#refusal && this.#refused.has(key)) throw this.#refusal
    this.#newest = key
    return key
  }

  async #after(error: unknown): Promise<void> {
    if (!(error instanceof TidemarkError) || error === this.#refusal) throw error
    const { code, details } = error
    this.#internal = code === 'INTERNAL_SERVER_ERROR' ? this.#internal + 1 : 0
    if (code === 'UNAUTHENTICATED' && typeof this.#key === 'function' && this.#newest !== undefined) {
      this.#refusal = error
      this.#refused.add(this.#newest)
    } else if (!TEMPORARY.has(code) && (this.#internal === 0 || this.#internal > MAX_INTERNAL)) throw error
    const random = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++)
    const delay = Math.min(MAX_DELAY_MS, Math.max(random, 1_000 * (Number(details.retryAfter) || 0)))
    this.#onRetry?.(error, delay)
    await pause(delay, this.#signal)
  }
}

/** @throws the reason of the signal, if it aborts first. */
function unlessAborted<Value>(value: Value | Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop)
    Promise.resolve(value)
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', stop))
  })
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
