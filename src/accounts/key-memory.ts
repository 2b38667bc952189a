import { LRUCache } from 'lru-cache'

/** Recently valid keys: maximum, maximum per organization, and TTL in milliseconds. */
const WORKING = { max: 10_000, share: 1_000, ttl: 600_000 } as const

/** Invalid hashes: maximum, and TTL in milliseconds. */
const NOT_WORKING = { max: 10_000, ttl: 10_000 } as const

// Valid keys are looked up at each request: one may have been revoked. Invalid hashes are not: keys are random, so none
// becomes valid, nor does a revoked or expired key again.
export class KeyMemory {
  readonly #counts = new Map<string, number>()
  readonly #working = new LRUCache<string, string>({
    ...WORKING,
    dispose: (organization, _hash, reason) => {
      if (reason !== 'set') this.#count(organization, -1)
    },
  })
  readonly #notWorking = new LRUCache<string, true>(NOT_WORKING)

  hasWorked(hash: string): boolean {
    return this.#working.has(hash)
  }

  hasFailed(hash: string): boolean {
    return this.#notWorking.has(hash)
  }

  /** Ignores keys beyond the organization's share, so they cannot displace those of others. */
  works(hash: string, organization: string): void {
    if (this.#working.get(hash) === undefined) {
      if ((this.#counts.get(organization) ?? 0) >= WORKING.share) return
      this.#count(organization, 1)
    }
    this.#working.set(hash, organization)
  }

  fails(hash: string): void {
    this.#working.delete(hash)
    this.#notWorking.set(hash, true)
  }

  #count(organization: string, by: number): void {
    const left = (this.#counts.get(organization) ?? 0) + by
    if (left > 0) this.#counts.set(organization, left)
    else this.#counts.delete(organization)
  }
}
