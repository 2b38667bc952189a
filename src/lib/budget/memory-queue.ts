import { CodedError } from '../../errors.ts'

const RETRY_AFTER = 1

/** @returns whether the wait is over: it fitted, or never will. */
type TryAgain = () => boolean

/** Reservations that wait until others release enough, by account and by number of bytes. */
export class MemoryQueue {
  readonly #accounts = new Map<string, Map<number, Set<TryAgain>>>()

  /** @param reserve whether it fits now. @param patience in milliseconds. @throws CodedError RATE_LIMITED, or as `reserve`. */
  wait(account: string, bytes: number, reserve: () => boolean, patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#remove(account, bytes, tryAgain)
        settle()
        return true
      }
      const tryAgain = () => {
        try {
          return reserve() && end(resolve)
        } catch (error) {
          return end(() => reject(error))
        }
      }
      const giveUp = () => end(() => reject(noRoom()))
      const timer = patience === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, patience)
      this.#add(account, bytes, tryAgain)
    })
  }

  has(account: string): boolean {
    return this.#accounts.has(account)
  }

  /** To be called when bytes were released. Thousands may wait, most of an account for the same number of bytes. */
  retry(): void {
    for (const sizes of this.#accounts.values()) {
      let least = Number.POSITIVE_INFINITY
      for (const [bytes, waiting] of sizes) {
        if (bytes >= least) continue
        for (const tryAgain of waiting) {
          if (tryAgain()) continue
          least = bytes
          break
        }
      }
    }
  }

  #add(account: string, bytes: number, tryAgain: TryAgain): void {
    const sizes = this.#accounts.get(account) ?? new Map<number, Set<TryAgain>>()
    const waiting = sizes.get(bytes) ?? new Set<TryAgain>()
    this.#accounts.set(account, sizes.set(bytes, waiting.add(tryAgain)))
  }

  #remove(account: string, bytes: number, tryAgain: TryAgain): void {
    const sizes = this.#accounts.get(account)
    const waiting = sizes?.get(bytes)
    waiting?.delete(tryAgain)
    if (waiting?.size === 0) sizes?.delete(bytes)
    if (sizes?.size === 0) this.#accounts.delete(account)
  }
}

export function noRoom(): CodedError {
  const message = 'The memory for requests in progress is exhausted. Retry after 1 s, with fewer concurrent requests.'
  return new CodedError('RATE_LIMITED', message, { retryAfter: RETRY_AFTER })
}
