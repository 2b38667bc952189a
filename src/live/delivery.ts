import type { ExecutionResult } from 'graphql'

// A symbol: whoever copies a result, to mask its errors, copies the cursor, and JSON leaves it out.
const CURSOR = Symbol('cursor')

/** The result of a subscription for one event, made once for everybody who gets the same. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  readonly [CURSOR]: string
  #json: string | undefined

  /** @param cursor the position just after the event: what a reader resumes from. */
  constructor({ data, errors }: ExecutionResult, cursor: string) {
    this.data = data
    if (errors) this.errors = errors
    this[CURSOR] = cursor
  }

  /** The cursor of a delivery, or of a copy of one. */
  static cursorOf(result: object): string | undefined {
    return (result as Partial<Delivery>)[CURSOR]
  }

  /** The result as JSON. */
  get json(): string {
    const { data, errors } = this
    this.#json ??= JSON.stringify({ data, errors })
    return this.#json
  }
}
