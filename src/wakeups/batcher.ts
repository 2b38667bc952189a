import { setTimeout } from 'node:timers/promises'

const GAP_MS = 8

/** Batches stream ids: the first goes at once; those added during a delivery, or within 8 ms after it, go together. */
export class Batcher implements AsyncDisposable {
  readonly #deliver: (streamIds: string[]) => Promise<void>
  readonly #closing = new AbortController()
  readonly #streamIds = new Set<string>()
  #emptied: Promise<void> | undefined

  /** @param deliver must not reject. */
  constructor(deliver: (streamIds: string[]) => Promise<void>) {
    this.#deliver = deliver
  }

  add(streamId: string): void {
    this.#streamIds.add(streamId)
    this.#emptied ??= this.#empty()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#emptied
  }

  async #empty(): Promise<void> {
    const { signal } = this.#closing
    while (this.#streamIds.size > 0) {
      const streamIds = [...this.#streamIds]
      this.#streamIds.clear()
      await this.#deliver(streamIds)
      await setTimeout(GAP_MS, undefined, { signal }).catch(() => undefined)
    }
    this.#emptied = undefined
  }
}
