/**
 * Divides long work on the one thread of this process: each turn lets the event loop serve everything else first, and of all
 * operations that wait only one goes on. An operation takes its turns one after the other, so that all operations advance alike.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #scheduled = false

  /** Resolves when the caller may work for some milliseconds. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }
}
