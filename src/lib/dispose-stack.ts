/** What has been opened, to be closed in the opposite order. Node 20 has no AsyncDisposableStack. */
export class DisposeStack implements AsyncDisposable {
  readonly #close: (() => Promise<unknown> | unknown)[] = []

  /** Closes after everything that is added later. */
  add(close: () => Promise<unknown> | unknown): void {
    this.#close.push(close)
  }

  /** Closes everything, whatever fails on the way. @throws AggregateError of what failed. */
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
