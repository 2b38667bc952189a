import type { Queries } from '../db/queries.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import { withTimeout } from '../lib/timeout.ts'
import { IS_VALID_KEY } from './valid-key.ts'
import type { Viewer } from './viewer.ts'

/** Milliseconds between polls; with the query timeout, a revocation is noticed well within 5 s. */
const POLL_MS = 2_000

/** Query timeout in milliseconds. */
const TIMEOUT_MS = 2_000

/** Polls the keys of open connections in this process, and reports expiry and revocation on any server. */
export class KeyWatch implements AsyncDisposable {
  readonly #db: Queries
  readonly #onError: (error: unknown) => void
  readonly #keys = new Map<string, Set<() => void>>()
  readonly #polling: RepeatedTask

  /** @param onError called when a poll fails, which the next one retries, or when an `onEnd` throws. */
  constructor(db: Queries, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
    this.#polling = new RepeatedTask(POLL_MS, () => this.#poll(), onError)
  }

  /** Calls `onEnd` once when the viewer's key is revoked or expires; root never does. @returns stops watching. */
  watch(viewer: Viewer, onEnd: () => void): () => void {
    if (viewer.type !== 'key') return () => undefined
    const { keyId } = viewer
    const watched = this.#keys.get(keyId) ?? new Set()
    this.#keys.set(keyId, watched)
    watched.add(onEnd)
    this.#polling.start()
    return () => {
      watched.delete(onEnd)
      if (watched.size === 0 && this.#keys.get(keyId) === watched) this.#keys.delete(keyId)
      this.#rest()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keys.clear()
    await this.#polling[Symbol.asyncDispose]()
  }

  async #poll(): Promise<void> {
    const ids = [...this.#keys.keys()]
    const asked = this.#db.$queryRaw<{ id: string }[]>`
      SELECT id FROM api_key WHERE id = ANY (${ids}::uuid[]) AND ${IS_VALID_KEY}`
    const valid = new Set((await withTimeout(asked, TIMEOUT_MS)).map(({ id }) => id))
    for (const id of ids) if (!valid.has(id)) this.#end(id)
  }

  #end(id: string): void {
    const watched = this.#keys.get(id)
    this.#keys.delete(id)
    for (const onEnd of watched ?? []) {
      try {
        onEnd()
      } catch (error) {
        // The others end all the same.
        this.#onError(error)
      }
    }
    this.#rest()
  }

  #rest(): void {
    if (this.#keys.size === 0) this.#polling.stop()
  }
}
