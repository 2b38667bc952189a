import { CodedError } from '../../errors.ts'
import { tooLate } from './fair-slots.ts'

const MOST = 1_000

export class Sequence {
  readonly #patience: number
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @param patience longest wait of a task for its turn, in milliseconds. */
  constructor(patience: number) {
    this.#patience = patience
  }

  get waiting(): number {
    return this.#waiting
  }

  /** @throws CodedError RATE_LIMITED when 1,000 tasks are pending, including the running one; UNAVAILABLE too late. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= MOST) {
      const message = 'Too many mutations of this caller are waiting. Retry after 1 s.'
      throw new CodedError('RATE_LIMITED', message, { retryAfter: 1 })
    }
    this.#waiting++
    const since = performance.now()
    const result = this.#last.then(() => {
      if (performance.now() - since > this.#patience) throw tooLate()
      return work()
    })
    this.#last = result.catch(() => undefined)
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }
}
