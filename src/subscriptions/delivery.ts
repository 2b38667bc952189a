import type { ExecutionResult } from 'graphql'

// A symbol, as a copy made to mask errors keeps it and JSON omits it.
const CURSOR = Symbol('cursor')

interface Made {
  bytes?: number
  json?: string
}

/** A result serialized once: for all subscribers of one event, or because it is long. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  readonly [CURSOR]: string | undefined
  readonly bytes: number
  #json: string | undefined

  /** @param cursor the position after the event, to resume from. */
  constructor({ data, errors }: ExecutionResult, cursor: string | undefined, { bytes = 0, json }: Made = {}) {
    this.data = data
    this.bytes = bytes
    this.#json = json
    if (errors) this.errors = errors
    this[CURSOR] = cursor
  }

  static cursorOf(result: object): string | undefined {
    return (result as Partial<Delivery>)[CURSOR]
  }

  get json(): string {
    const { data, errors } = this
    this.#json ??= JSON.stringify({ data, errors })
    return this.#json
  }
}
