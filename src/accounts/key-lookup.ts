import type { ApiKeyRole, PrismaClient } from '../db/generated/prisma/client.ts'
import { isTransient } from '../db/transient-errors.ts'

/** Concurrent statements, and hashes per statement from each queue. */
const BATCH = { atOnce: 2, hashes: 200 } as const

/** Maximum length of the queue of hashes not recently valid here. */
const MOST_WAITING = 5_000

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
 * Looks keys up by hash in batches, so invented keys cost the database a few index probes. Recently valid keys have
 * their own queue and do not wait behind invented ones.
 */
export class KeyLookup {
  readonly #db: PrismaClient
  readonly #onError: (error: unknown) => void
  readonly #lines = { known: new Map<string, Waiting>(), unknown: new Map<string, Waiting>() }
  #running = 0
  #scheduled = false
  #failing = false

  /** @param db a client without other load. @param onError called for the first of consecutive failures. */
  constructor(db: PrismaClient, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  /** The key as stored at or after this call. @throws Error when the database fails or the queue is full. */
  find(hash: string, line: 'known' | 'unknown'): Promise<StoredKey | undefined> {
    const waiting = this.#lines[line].get(hash)
    if (waiting) return waiting.found
    if (this.#lines.unknown.size >= MOST_WAITING && line === 'unknown')
      return Promise.reject(new Error('Too many pending API key lookups.'))
    const { promise: found, ...settle } = deferred<StoredKey | undefined>()
    this.#lines[line].set(hash, { found, ...settle })
    this.#schedule()
    return found
  }

  // Batches all lookups of this turn of the event loop.
  #schedule(): void {
    if (this.#scheduled || this.#running >= BATCH.atOnce) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#start()
    })
  }

  async #start(): Promise<void> {
    // A hash may be in both queues.
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
    // Retries once: a connection that broke while idle fails on its next statement.
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
