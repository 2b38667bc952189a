import { hashKey, sameHash } from './key-hash.ts'
import type { KeyLookup, StoredKey } from './key-lookup.ts'
import type { KeyMemory } from './key-memory.ts'
import type { KeyUsage } from './key-usage.ts'
import { ANONYMOUS, type Viewer } from './viewer.ts'

/** Row id of the root key made at the first start. */
export const ROOT_KEY_ID = '00000000-0000-0000-0000-000000000000'

/** Missing, unknown, revoked and expired keys are anonymous. @throws Error when the lookup fails. */
export type Authenticate = (key: string | undefined) => Promise<Viewer>

/** @param rootApiKey when set, the only root key: a stored one is then anonymous. */
export function createAuthenticate(
  lookup: KeyLookup,
  memory: KeyMemory,
  usage: KeyUsage,
  rootApiKey: string | undefined,
): Authenticate {
  const rootHash = rootApiKey === undefined ? undefined : hashKey(rootApiKey)
  return async (key) => {
    if (!key) return ANONYMOUS
    const hash = hashKey(key)
    if (rootHash && sameHash(hash, rootHash)) return { type: 'root' }
    if (memory.hasFailed(hash)) return ANONYMOUS
    const stored = await lookup.find(hash, memory.hasWorked(hash) ? 'known' : 'unknown')
    const viewer = stored ? viewerOf(stored, rootHash !== undefined) : ANONYMOUS
    if (viewer.type === 'anonymous') memory.fails(hash)
    else memory.works(hash, viewer)
    if (stored && viewer.type !== 'anonymous') usage.note(stored.id)
    return viewer
  }
}

function viewerOf(key: StoredKey, rootIsSet: boolean): Viewer {
  const { id: keyId, organizationId, role, datasetIds, reportIds } = key
  if (organizationId === null) return keyId === ROOT_KEY_ID && !rootIsSet ? { type: 'root' } : ANONYMOUS
  const narrowed = datasetIds.length > 0 || reportIds.length > 0
  const only = narrowed ? { datasetIds, reportIds } : undefined
  return { type: 'key', keyId, organizationId, role, only }
}
