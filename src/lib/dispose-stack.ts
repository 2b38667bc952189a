/** Closes resources in reverse order; Node 20 has no AsyncDisposableStack. */
export class DisposeStack implements AsyncDisposable {
  readonly #close: (() => Promise<unknown> | unknown)[] = []

  add(close: () => Promise<unknown> | unknown): void {
    this.#close.push(close)
  }

  /** Closes everything despite failures. @throws AggregateError of the failures. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#close.pop(); close; close = this.#close.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Closing failed.')
  }
}
