import { CodedError } from '../../errors.ts'

/** How many pieces of work may wait. */
const MOST = 1_000

/** Runs work one piece after the other. */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Pieces of work that wait, the one that is being done included. */
  get waiting(): number {
    return this.#waiting
  }

  /** @throws CodedError RATE_LIMITED when too much waits already. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= MOST) {
      const message = 'Too many changes by this caller are waiting. Try again in a second.'
      throw new CodedError('RATE_LIMITED', message, { retryAfter: 1 })
    }
    this.#waiting++
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }
}
