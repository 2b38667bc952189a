import { LRUCache } from 'lru-cache'

/** How many keys that work are remembered, how many of them of one organization, and for how long, in milliseconds. */
const WORKING = { max: 10_000, share: 1_000, ttl: 600_000 } as const

/** The same for hashes that are no working key's. */
const NOT_WORKING = { max: 10_000, ttl: 10_000 } as const

/**
 * Which keys have worked in this process of late, and which hashes have turned out not to be a working key's. The
 * first saves no look-up: a key is asked for at each request. The second does: the server makes keys at random, so no
 * hash that was asked for in vain becomes a key's, and a key that was revoked or has expired never works again.
 */
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

  /** Keys of one organization do not displace those of others beyond its share. */
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
