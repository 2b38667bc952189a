import { disconnected, TidemarkError } from './error.ts'

/** An API key; or a function that is asked for it at each connection, with the key that the server has refused, if any. */
export type Key = string | ((refused?: string) => string | Promise<string>)

export type OnRetry = (error: TidemarkError, delayMs: number) => void

const TEMPORARY = new Set(['DISCONNECTED', 'UNAVAILABLE', 'RATE_LIMITED', 'SLOW_CONSUMER'])

/** Attempts in a row that may fail with INTERNAL_SERVER_ERROR: a defect of the server may not pass. */
const MAX_INTERNAL = 5

const FIRST_MS = 200
const LONGEST_MS = 15_000

/** Repeats one operation until it succeeds or fails for good, after random delays that grow. */
export class Retries {
  readonly #key: Key
  readonly #onRetry: OnRetry | undefined
  readonly #signal: AbortSignal | undefined
  #failures = 0
  #used: string | undefined
  #refusal: { readonly key: string | undefined; readonly error: TidemarkError } | undefined

  constructor(key: Key, onRetry: OnRetry | undefined, signal?: AbortSignal) {
    this.#key = key
    this.#onRetry = onRetry
    this.#signal = signal
  }

  /** @throws the error of the last attempt if it can not succeed later, or the reason of the signal. */
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

  /** There is progress: the next delay is a short one. */
  succeeded(): void {
    this.#failures = 0
    this.#refusal = undefined
  }

  async #nextKey(): Promise<string> {
    const refusal = this.#refusal
    try {
      this.#used = typeof this.#key === 'function' ? await this.#key(refusal?.key) : this.#key
    } catch (error) {
      throw disconnected(`The function for the API key has failed: ${error}`, error)
    }
    // A key that was refused once is never valid again.
    if (refusal && this.#used === refusal.key) throw refusal.error
    return this.#used
  }

  async #after(error: unknown): Promise<void> {
    if (!(error instanceof TidemarkError) || error === this.#refusal?.error) throw error
    const { code, details } = error
    if (code === 'UNAUTHENTICATED') this.#refusal = { key: this.#used, error }
    else if (!TEMPORARY.has(code) && !(code === 'INTERNAL_SERVER_ERROR' && this.#failures < MAX_INTERNAL)) throw error
    const random = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++)
    const delay = Math.max(random, 1_000 * (Number(details.retryAfter) || 0))
    this.#onRetry?.(error, delay)
    await pause(delay, this.#signal)
  }
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
