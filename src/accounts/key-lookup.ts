import type { ApiKeyRole } from '../db/generated/prisma/client.ts'
import type { Queries } from '../db/queries.ts'
import { retryTransient } from '../db/retry-transient.ts'
import { batchLookups } from '../lib/batched-lookup.ts'
import { IS_VALID_KEY } from './valid-key.ts'

/** Invented keys get one statement at a time, so they cost the database a few index probes. */
const BATCHES = { known: { atOnce: 2, keys: 200 }, unknown: { atOnce: 1, keys: 200 } } as const

/** Maximum number of waiting hashes that were not recently valid here. */
const MOST_WAITING = 5_000

export interface StoredKey {
  readonly id: string
  readonly hash: string
  readonly organizationId: string | null
  readonly role: ApiKeyRole
  readonly datasetIds: string[]
  readonly reportIds: string[]
}

/** Looks keys up by hash, in batches. Recently valid keys do not wait behind invented ones. */
export class KeyLookup {
  readonly #db: Queries
  readonly #onError: (error: unknown) => void
  readonly #lines = {
    known: batchLookups((hashes) => this.#read(hashes), BATCHES.known),
    unknown: batchLookups((hashes) => this.#read(hashes), BATCHES.unknown),
  }
  #waiting = 0
  #failing = false

  /** @param db without other load. @param onError called for the first of consecutive failures. */
  constructor(db: Queries, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  /** The valid key as stored at or after this call. @throws Error when the database fails or the queue is full. */
  async find(hash: string, line: 'known' | 'unknown'): Promise<StoredKey | undefined> {
    if (line === 'known') return await this.#lines.known(hash)
    if (this.#waiting >= MOST_WAITING) throw new Error('Too many pending API key lookups.')
    this.#waiting++
    try {
      return await this.#lines.unknown(hash)
    } finally {
      this.#waiting--
    }
  }

  async #read(hashes: readonly string[]): Promise<Map<string, StoredKey>> {
    const ask = () => this.#db.$queryRaw<StoredKey[]>`
      SELECT id, hash, organization_id AS "organizationId", role::text AS role,
             dataset_ids AS "datasetIds", report_ids AS "reportIds"
        FROM api_key WHERE hash = ANY (${hashes}::text[]) AND ${IS_VALID_KEY}`
    try {
      const keys = await retryTransient(ask)
      this.#failing = false
      return new Map(keys.map((key) => [key.hash, key]))
    } catch (error) {
      if (!this.#failing) this.#onError(error)
      this.#failing = true
      throw error
    }
  }
}
