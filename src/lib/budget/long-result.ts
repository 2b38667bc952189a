import type { GraphQLError } from 'graphql'
import type { OperationBudget } from './operation-budget.ts'

/** A long result as JSON text that is already written, in place of its data. */
export class LongResult {
  readonly data = {}
  readonly errors: readonly GraphQLError[] | undefined
  readonly #pieces: readonly string[]

  /** @param errors of the result, which its text has, too. */
  constructor(pieces: readonly string[], errors?: readonly GraphQLError[]) {
    this.#pieces = pieces
    this.errors = errors
  }

  /** Yields the text, and to the event loop in between. */
  async *inTurns(budget: OperationBudget): AsyncGenerator<string, undefined> {
    for (const piece of this.#pieces) {
      if (budget.mustWait) await budget.turn()
      yield piece
    }
  }
}
