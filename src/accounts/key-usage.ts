import type { Queries } from '../db/queries.ts'

/** Milliseconds between writes, because a read must not cost a write. */
const GATHER_MS = 30_000

export class KeyUsage implements AsyncDisposable {
  readonly #db: Queries
  readonly #onError: (error: unknown) => void
  readonly #lastUsed = new Map<string, Date>()
  #timer: NodeJS.Timeout | undefined

  /** @param onError called when a batch could not be written and is lost. */
  constructor(db: Queries, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  note(keyId: string): void {
    this.#lastUsed.set(keyId, new Date())
    this.#timer ??= setTimeout(() => void this.#write(), GATHER_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#write()
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [ids, times] = [[...this.#lastUsed.keys()], [...this.#lastUsed.values()]]
    this.#lastUsed.clear()
    if (ids.length === 0) return
    const seconds = times.map((time) => time.getTime() / 1_000)
    try {
      await this.#db.$queryRaw`
        UPDATE api_key SET last_used_at = greatest(last_used_at, to_timestamp(used.at))
          FROM unnest(${ids}::uuid[], ${seconds}::float8[]) AS used(id, at) WHERE api_key.id = used.id`
    } catch (error) {
      this.#onError(error)
    }
  }
}
