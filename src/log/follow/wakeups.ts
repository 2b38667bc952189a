/** Where a wake-up came from: this process, or another server by way of PostgreSQL or Redis. */
export type WakeupSource = 'in-process' | 'postgres' | 'redis'

/**
 * Says that a stream may have grown. A wake-up carries nothing and proves nothing: it may be lost, doubled, late or wrong, and
 * whoever gets one reads the log.
 */
export class Wakeups {
  readonly #listeners = new Map<string, (source: WakeupSource) => void>()

  /** Wakes whoever listens to the stream in this process. */
  wake(streamId: string, source: WakeupSource): void {
    this.#listeners.get(streamId)?.(source)
  }

  /** Wakes everybody, after a time in which wake-ups may have been lost. */
  wakeAll(source: WakeupSource): void {
    for (const listener of this.#listeners.values()) listener(source)
  }

  /** One listener a stream: its tail. @returns a function that ends it. */
  listen(streamId: string, listener: (source: WakeupSource) => void): () => void {
    this.#listeners.set(streamId, listener)
    return () => this.#listeners.delete(streamId)
  }

  /** The streams that somebody listens to. */
  get streamIds(): string[] {
    return [...this.#listeners.keys()]
  }
}
