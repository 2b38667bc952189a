import type { ExecutionResult } from 'graphql'

/** The result of a subscription for one event, made once for everybody who gets the same. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  /** The position just after the event: what a reader resumes from. */
  readonly #cursor: string

  constructor({ data, errors }: ExecutionResult, cursor: string) {
    this.data = data
    if (errors) this.errors = errors
    this.#cursor = cursor
  }

  /** The cursor of a result, if it is a delivery. */
  static cursorOf(result: object): string | undefined {
    return #cursor in result ? (result as Delivery).#cursor : undefined
  }
}
