import { LRUCache } from 'lru-cache'
import type { KeyViewer, Viewer } from './viewer.ts'

/** Recently valid keys: maximum, maximum per organization, and TTL in milliseconds. */
const WORKING = { max: 10_000, share: 1_000, ttl: 600_000 } as const

/** Most datasets and reports of a key whose viewer is kept with it. */
const KEPT_IDS = 100

/** Invalid hashes: maximum, and TTL in milliseconds. */
const NOT_WORKING = { max: 10_000, ttl: 10_000 } as const

interface Working {
  readonly organization: string
  readonly viewer: KeyViewer | undefined
}

// Valid keys are looked up at each request, or by its statement: one may have been revoked. Invalid hashes are not:
// keys are random, so none becomes valid, nor does a revoked or expired key again.
export class KeyMemory {
  readonly #counts = new Map<string, number>()
  readonly #working = new LRUCache<string, Working>({
    ...WORKING,
    dispose: ({ organization }, _hash, reason) => {
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

  /** What a key was when it last worked. Root keys, and those restricted to many streams, are not kept. */
  viewerOf(hash: string): KeyViewer | undefined {
    return this.#working.get(hash)?.viewer
  }

  /** Ignores keys beyond the organization's share, so they cannot displace those of others. */
  works(hash: string, viewer: Exclude<Viewer, { type: 'anonymous' }>): void {
    const organization = viewer.type === 'key' ? viewer.organizationId : 'root'
    if (this.#working.get(hash) === undefined) {
      if ((this.#counts.get(organization) ?? 0) >= WORKING.share) return
      this.#count(organization, 1)
    }
    this.#working.set(hash, { organization, viewer: isSmall(viewer) ? viewer : undefined })
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

function isSmall(viewer: Viewer): viewer is KeyViewer {
  if (viewer.type !== 'key') return false
  const { datasetIds = [], reportIds = [] } = viewer.only ?? {}
  return datasetIds.length + reportIds.length <= KEPT_IDS
}
