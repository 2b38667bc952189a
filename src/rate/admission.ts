import { LRUCache } from 'lru-cache'
import { hashKey } from '../auth/api-key.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Viewer } from '../auth/viewer.ts'
import { type Caller, callerOf } from './caller.ts'
import type { RateLimited, RequestRate } from './request-rate.ts'

/** How many keys that have worked are remembered, and for how long, in milliseconds. */
const KNOWN_KEYS = { max: 10_000, ttl: 600_000 } as const

/** Who has called, or why the call is refused. */
type Admitted =
  | { readonly viewer: Viewer; readonly refusal?: undefined }
  | { readonly viewer?: undefined; readonly refusal: RateLimited }

/** Finds out who calls, and counts the call. */
export type Admit = (key: string | null | undefined, address: string | undefined) => Promise<Admitted>

/**
 * Counts before it asks the database, so that nobody makes it work by keys that are made up: a key that has not worked here of late
 * is one of those until it turns out to work, and then the call is counted for the key instead.
 */
export function createAdmit(authenticate: Authenticate, rate: RequestRate): Admit {
  const known = new LRUCache<string, Caller>(KNOWN_KEYS)
  return async (key, address) => {
    const hash = hashKey(key ?? '')
    const supposed = known.get(hash) ?? callerOf({ type: 'anonymous' }, address)
    const early = await rate.count(supposed)
    if (early) return { refusal: early }
    const viewer = await authenticate(key ?? undefined)
    const caller = callerOf(viewer, address)
    if (viewer.type === 'anonymous') known.delete(hash)
    else known.set(hash, caller)
    if (caller.name === supposed.name) return { viewer }
    await rate.takeBack(supposed)
    const refusal = await rate.count(caller)
    return refusal ? { refusal } : { viewer }
  }
}
