import { CodedError } from '../../errors.ts'

const RETRY_AFTER = 1

/** A reservation that waits for room. */
interface Waiting {
  readonly bytes: number
  /** @returns whether it is over: it fitted, or never will. */
  tryAgain(): boolean
}

/** Reservations that wait until others release enough, by account. */
export class MemoryQueue {
  readonly #accounts = new Map<string, Set<Waiting>>()

  /** @param reserve whether it fits now. @param patience in milliseconds. @throws CodedError RATE_LIMITED, or as `reserve`. */
  wait(account: string, bytes: number, reserve: () => boolean, patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#remove(account, waiting)
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
      const waiting = { bytes, tryAgain }
      const giveUp = () => end(() => reject(noRoom()))
      const timer = patience === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, patience)
      this.#accounts.set(account, (this.#accounts.get(account) ?? new Set()).add(waiting))
    })
  }

  /** To be called when bytes were released. Thousands may wait, most of them for the same number of bytes. */
  retry(): void {
    for (const queue of this.#accounts.values()) {
      let least = Number.POSITIVE_INFINITY
      for (const { bytes, tryAgain } of queue) if (bytes < least && !tryAgain()) least = bytes
    }
  }

  #remove(account: string, waiting: Waiting): void {
    const queue = this.#accounts.get(account)
    queue?.delete(waiting)
    if (queue?.size === 0) this.#accounts.delete(account)
  }
}

export function noRoom(): CodedError {
  const message = 'The memory for requests in progress is exhausted. Retry after 1 s, with fewer concurrent requests.'
  return new CodedError('RATE_LIMITED', message, { retryAfter: RETRY_AFTER })
}
