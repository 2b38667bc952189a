import type { ApiKeyRole, PrismaClient } from '../db/generated/prisma/client.ts'
import { isTransient } from '../db/transient-errors.ts'

/** Statements at a time, and hashes in one from each line. */
const BATCH = { atOnce: 2, hashes: 200 } as const

/** How many hashes of keys that have not worked here of late may wait. */
const MOST_WAITING = 5_000

/** What is stored of a key, as far as requests need it. */
export interface StoredKey {
  readonly id: string
  readonly hash: string
  readonly organizationId: string | null
  readonly role: ApiKeyRole
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  readonly datasetIds: string[]
  readonly reportIds: string[]
}

interface Waiting {
  readonly found: Promise<StoredKey | undefined>
  resolve(key: StoredKey | undefined): void
  reject(error: unknown): void
}

/**
 * Looks keys up by their hashes. Look-ups that arrive together share a statement, so invented keys cost the database
 * a few index probes. Keys that have worked of late have a line of their own, so they do not wait behind invented
 * ones.
 */
export class KeyLookup {
  readonly #db: PrismaClient
  readonly #onError: (error: unknown) => void
  readonly #lines = { known: new Map<string, Waiting>(), unknown: new Map<string, Waiting>() }
  #running = 0
  #scheduled = false
  #failing = false

  /**
   * @param db whose connections nothing else keeps busy.
   * @param onError called for the first of several failures in a row.
   */
  constructor(db: PrismaClient, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  /**
   * The key as it is when this is called, or later.
   * @throws Error when the database does not answer, or too much waits for it.
   */
  find(hash: string, line: 'known' | 'unknown'): Promise<StoredKey | undefined> {
    const waiting = this.#lines[line].get(hash)
    if (waiting) return waiting.found
    if (this.#lines.unknown.size >= MOST_WAITING && line === 'unknown')
      return Promise.reject(new Error('Too many keys wait to be looked up.'))
    const { promise: found, ...settle } = deferred<StoredKey | undefined>()
    this.#lines[line].set(hash, { found, ...settle })
    this.#schedule()
    return found
  }

  // After everything that this turn of the event loop brings.
  #schedule(): void {
    if (this.#scheduled || this.#running >= BATCH.atOnce) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#start()
    })
  }

  async #start(): Promise<void> {
    // A hash may be in both lines.
    const batch = [...take(this.#lines.known), ...take(this.#lines.unknown)]
    if (batch.length === 0) return
    this.#running++
    try {
      const keys = await this.#read(batch.map(([hash]) => hash))
      for (const [hash, { resolve }] of batch) resolve(keys.get(hash))
      this.#failing = false
    } catch (error) {
      for (const [, { reject }] of batch) reject(error)
      if (!this.#failing) this.#onError(error)
      this.#failing = true
    } finally {
      this.#running--
      this.#schedule()
    }
  }

  async #read(hashes: string[]): Promise<Map<string, StoredKey>> {
    const ask = () => this.#db.$queryRaw<StoredKey[]>`
      SELECT id, hash, organization_id AS "organizationId", role::text AS role, expires_at AS "expiresAt",
             revoked_at AS "revokedAt", dataset_ids AS "datasetIds", report_ids AS "reportIds"
        FROM api_key WHERE hash = ANY (${hashes}::text[])`
    // A connection that broke while it was idle is found out by the next statement.
    const keys = await ask().catch((error) => (isTransient(error) ? ask() : Promise.reject(error)))
    return new Map(keys.map((key) => [key.hash, key]))
  }
}

function* take(line: Map<string, Waiting>): Generator<[string, Waiting]> {
  let left: number = BATCH.hashes
  for (const entry of line) {
    if (left-- === 0) return
    line.delete(entry[0])
    yield entry
  }
}

function deferred<Value>() {
  let settle: Pick<Waiting, 'resolve' | 'reject'> | undefined
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve: resolve as Waiting['resolve'], reject }
  })
  return { promise, ...(settle as unknown as Pick<Waiting, 'resolve' | 'reject'>) }
}
