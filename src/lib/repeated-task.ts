/** Runs work at an interval while it is started, never twice at a time. */
export class RepeatedTask implements AsyncDisposable {
  readonly #milliseconds: number
  readonly #work: () => Promise<void>
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  /** @param onError called when the work fails; the next run retries. */
  constructor(milliseconds: number, work: () => Promise<void>, onError: (error: unknown) => void) {
    this.#milliseconds = milliseconds
    this.#work = work
    this.#onError = onError
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#running ??= this.#work()
        .catch(this.#onError)
        .finally(() => {
          this.#running = undefined
        })
    }, this.#milliseconds)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#running
  }
}
