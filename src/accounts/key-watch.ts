import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import { withTimeout } from '../lib/timeout.ts'
import type { Viewer } from './viewer.ts'

/** Milliseconds between polls; with the query timeout, a revocation is noticed well within 5 s. */
const POLL_MS = 2_000

/** Query timeout in milliseconds; expiry needs no query. */
const TIMEOUT_MS = 2_000

interface Watched {
  expiresAt: number
  onEnd: Set<() => void>
}

/** Polls the keys of open connections in this process, and reports expiry and revocation on any node. */
export class KeyWatch implements AsyncDisposable {
  readonly #db: PrismaClient
  readonly #onError: (error: unknown) => void
  readonly #keys = new Map<string, Watched>()
  readonly #polling: RepeatedTask

  /** @param onError called when a poll fails, which the next one retries, or when an `onEnd` throws. */
  constructor(db: PrismaClient, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
    this.#polling = new RepeatedTask(POLL_MS, () => this.#poll(), onError)
  }

  /** Calls `onEnd` once when the viewer's key is revoked or expires; root never does. @returns stops watching. */
  watch(viewer: Viewer, onEnd: () => void): () => void {
    if (viewer.type !== 'key') return () => undefined
    const { keyId, expiresAt } = viewer
    const watched = this.#keys.get(keyId) ?? { expiresAt: expiresAt?.getTime() ?? Infinity, onEnd: new Set() }
    this.#keys.set(keyId, watched)
    watched.onEnd.add(onEnd)
    this.#polling.start()
    return () => {
      watched.onEnd.delete(onEnd)
      if (watched.onEnd.size === 0 && this.#keys.get(keyId) === watched) this.#keys.delete(keyId)
      this.#rest()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keys.clear()
    await this.#polling[Symbol.asyncDispose]()
  }

  async #poll(): Promise<void> {
    for (const [id, { expiresAt }] of this.#keys) if (expiresAt <= Date.now()) this.#end(id)
    const id = { in: [...this.#keys.keys()] }
    const asked = this.#db.apiKey.findMany({ where: { id, revokedAt: null }, select: { id: true } })
    const working = new Set((await withTimeout(asked, TIMEOUT_MS)).map((row) => row.id))
    for (const known of id.in) if (!working.has(known)) this.#end(known)
  }

  #end(id: string): void {
    const watched = this.#keys.get(id)
    this.#keys.delete(id)
    for (const onEnd of watched?.onEnd ?? []) {
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
