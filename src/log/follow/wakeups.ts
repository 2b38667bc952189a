export type WakeupSource = 'in-process' | 'postgres' | 'redis'

/** Data-free signals that a stream may have grown; may be lost, doubled, late or wrong, so listeners read the log. */
export class Wakeups {
  readonly #listeners = new Map<string, (source: WakeupSource) => void>()

  wake(streamId: string, source: WakeupSource): void {
    this.#listeners.get(streamId)?.(source)
  }

  /** Wakes all listeners, after a period in which wake-ups may have been lost. */
  wakeAll(source: WakeupSource): void {
    for (const listener of this.#listeners.values()) listener(source)
  }

  /** One listener per stream, its tail. @returns a function that removes it. */
  listen(streamId: string, listener: (source: WakeupSource) => void): () => void {
    this.#listeners.set(streamId, listener)
    return () => this.#listeners.delete(streamId)
  }

  get streamIds(): string[] {
    return [...this.#listeners.keys()]
  }
}
