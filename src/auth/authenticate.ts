import type { PrismaClient } from '../generated/prisma/client.ts'
import { hashKey, sameHash } from './api-key.ts'
import type { KeyUses } from './key-uses.ts'
import type { Viewer } from './viewer.ts'

/** The id of the row that holds the root key made at the first start. */
export const ROOT_KEY_ID = '00000000-0000-0000-0000-000000000000'

/** Turns a key into a viewer. No key, and an unknown, revoked or expired one, is anonymous. */
export type Authenticate = (key: string | undefined) => Promise<Viewer>

/** @param rootApiKey when set, it alone is root, and a stored root key is none. */
export function createAuthenticate(db: PrismaClient, uses: KeyUses, rootApiKey: string | undefined): Authenticate {
  const rootHash = rootApiKey === undefined ? undefined : hashKey(rootApiKey)
  return async (key) => {
    if (!key) return { type: 'anonymous' }
    const hash = hashKey(key)
    if (rootHash && sameHash(hash, rootHash)) return { type: 'root' }
    const row = await db.apiKey.findUnique({ where: { hash } })
    if (!row || row.revokedAt || (row.expiresAt && row.expiresAt <= new Date())) return { type: 'anonymous' }
    uses.note(row.id)
    const { id: keyId, organizationId, role, expiresAt, datasetIds, reportIds } = row
    if (row.id === ROOT_KEY_ID) return { type: rootHash ? 'anonymous' : 'root' }
    if (organizationId === null) return { type: 'anonymous' }
    const narrowed = datasetIds.length > 0 || reportIds.length > 0
    const only = narrowed ? { datasetIds, reportIds } : undefined
    return { type: 'key', keyId, organizationId, role, expiresAt: expiresAt ?? undefined, only }
  }
}
