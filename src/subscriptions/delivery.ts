import type { ExecutionResult } from 'graphql'

// A symbol: whoever copies a result, to mask its errors, copies the cursor, and JSON leaves it out.
const CURSOR = Symbol('cursor')

/** What is known of a result beside what it says. */
interface Made {
  /** What it takes in memory. */
  bytes?: number
  /** Its text, where it has been made in turns. */
  json?: string
}

/** A result of an operation whose text is made once: of a subscription for one event, for everybody who gets the same, or a long one. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  readonly [CURSOR]: string | undefined
  /** What it takes in memory. */
  readonly bytes: number
  #json: string | undefined

  /** @param cursor the position just after the event: what a reader resumes from. */
  constructor({ data, errors }: ExecutionResult, cursor: string | undefined, { bytes = 0, json }: Made = {}) {
    this.data = data
    this.bytes = bytes
    this.#json = json
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
