import type { AuditAction, AuditSubjectKind, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { IS_VALID_KEY } from './valid-key.ts'
import type { Viewer } from './viewer.ts'

export interface AuditedAct {
  action: AuditAction
  organizationId: string
  /** Needed beside the id: ids of different kinds may be equal. */
  subjectKind: AuditSubjectKind
  subjectId: string
  /** No secrets. */
  details?: Readonly<Record<string, unknown>>
}

/**
 * Runs `work` and records it in one transaction; a null result records nothing. The key row is checked and locked
 * first: the key may have been revoked since authentication, even by this request, and cannot be before the commit.
 * @throws CodedError UNAUTHENTICATED when the key no longer works.
 */
export function withAudit<Result>(
  db: PrismaClient,
  viewer: Viewer,
  { details = {}, ...act }: AuditedAct,
  work: (transaction: Prisma.TransactionClient) => Promise<Result>,
): Promise<Result> {
  const actorKeyId = viewer.type === 'key' ? viewer.keyId : null
  return db.$transaction(async (transaction) => {
    if (viewer.type === 'key') await holdKey(transaction, viewer)
    const result = await work(transaction)
    const entry = { ...act, actorKeyId, details: JSON.stringify(details) }
    if (result !== null) await transaction.auditEntry.create({ data: entry })
    return result
  })
}

// An exclusive lock, so acts of one key and its revocation queue: with shared locks, acts could starve the revocation.
async function holdKey(
  transaction: Prisma.TransactionClient,
  { keyId, organizationId }: Extract<Viewer, { type: 'key' }>,
): Promise<void> {
  const working = await transaction.$queryRaw<object[]>`
    SELECT 1 FROM api_key
     WHERE organization_id = ${organizationId}::uuid AND id = ${keyId}::uuid
       AND ${IS_VALID_KEY}
       FOR NO KEY UPDATE`
  if (working.length === 0) throw new CodedError('UNAUTHENTICATED', 'This API key has been revoked or has expired.')
}
