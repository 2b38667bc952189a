import { CodedError } from '../errors.ts'

export class TemporaryError extends CodedError {
  readonly status: 429 | 503
  /** In seconds. */
  readonly retryAfter: number

  private constructor(code: 'RATE_LIMITED' | 'UNAVAILABLE', status: 429 | 503, message: string, retryAfter: number) {
    super(code, message, { retryAfter })
    this.status = status
    this.retryAfter = retryAfter
  }

  static tooMany(retryAfter: number): TemporaryError {
    return new TemporaryError('RATE_LIMITED', 429, `Too many requests. Retry after ${retryAfter} s.`, retryAfter)
  }

  static keyUnavailable(): TemporaryError {
    return new TemporaryError('UNAVAILABLE', 503, 'The API key cannot be verified at the moment. Retry after 1 s.', 1)
  }
}
