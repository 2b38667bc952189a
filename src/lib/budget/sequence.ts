import { CodedError } from '../../errors.ts'

const MOST = 1_000

export class Sequence {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  get waiting(): number {
    return this.#waiting
  }

  /** @throws CodedError RATE_LIMITED when 1,000 tasks are pending, including the running one. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= MOST) {
      const message = 'Too many mutations of this caller are waiting. Retry after 1 s.'
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
