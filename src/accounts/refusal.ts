import { CodedError } from '../errors.ts'

/** A request is refused for now. */
export class Refusal extends CodedError {
  /** Over HTTP. */
  readonly status: 429 | 503
  /** In seconds. */
  readonly retryAfter: number

  private constructor(code: 'RATE_LIMITED' | 'UNAVAILABLE', status: 429 | 503, message: string, retryAfter: number) {
    super(code, message, { retryAfter })
    this.status = status
    this.retryAfter = retryAfter
  }

  /** A caller asks too often. */
  static tooMany(retryAfter: number): Refusal {
    return new Refusal('RATE_LIMITED', 429, `Too many requests. Try again in ${retryAfter} seconds.`, retryAfter)
  }

  /** Whose key it is cannot be found out. */
  static keyUnavailable(): Refusal {
    return new Refusal('UNAVAILABLE', 503, 'The API key cannot be looked up at the moment. Try again in a second.', 1)
  }
}
