import type { ExecutionResult } from 'graphql'

/** The result of a subscription for one event, made once for everybody who gets the same. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  readonly #cursor: string
  #json: string | undefined

  constructor({ data, errors }: ExecutionResult, cursor: string) {
    this.data = data
    if (errors) this.errors = errors
    this.#cursor = cursor
  }

  /** The position just after the event: what a reader resumes from. */
  get cursor(): string {
    return this.#cursor
  }

  /** The result as JSON. */
  get json(): string {
    const { data, errors } = this
    this.#json ??= JSON.stringify({ data, errors })
    return this.#json
  }
}
