import type { OperationBudget } from './operation-budget.ts'

/** A long result without errors, in place of its data: as JSON text that is already written. */
export class LongResult {
  readonly data = null
  readonly #pieces: readonly string[]

  constructor({ pieces }: { readonly pieces: readonly string[] }) {
    this.#pieces = pieces
  }

  /** Yields the text, and to the event loop in between. */
  async *inTurns(budget: OperationBudget): AsyncGenerator<string, undefined> {
    for (const piece of this.#pieces) {
      if (budget.mustWait) await budget.turn()
      yield piece
    }
  }
}
