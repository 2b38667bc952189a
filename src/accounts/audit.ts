import type { AuditSubjectKind, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { Viewer } from './viewer.ts'

/** What is audited. */
type AuditAction =
  | 'CREATE_ORGANIZATION'
  | 'CREATE_DATASET'
  | 'CREATE_REPORT'
  | 'CREATE_API_KEY'
  | 'REVOKE_API_KEY'
  | 'END_CONNECTION'
  | 'REDACT_EVENT'
  | 'SET_RETENTION'

/** An administrative act. */
export interface Act {
  action: AuditAction
  /** Whose it concerns. */
  organizationId: string
  /** What it is done to: ids of different kinds may be equal. */
  subjectKind: AuditSubjectKind
  subjectId: string
  /** What else is worth knowing. No secrets. */
  details?: Readonly<Record<string, unknown>>
}

/** How long an act may wait for a connection and take, in milliseconds: somebody may hold the rows it needs for ten seconds. */
const PATIENCE = { maxWait: 10_000, timeout: 15_000 } as const

/**
 * Does an administrative act and records it, both or neither. `work` gives null when there was nothing to do; then nothing is
 * recorded. Who acts was found out when the request began, and its key may have been revoked since, by the same request even: the
 * key is asked for again, and cannot be revoked before the act is done.
 * @throws CodedError UNAUTHENTICATED when the key no longer works.
 */
export function act<Result>(
  db: PrismaClient,
  viewer: Viewer,
  { details = {}, ...act }: Act,
  work: (transaction: Prisma.TransactionClient) => Promise<Result>,
): Promise<Result> {
  const actorKeyId = viewer.type === 'key' ? viewer.keyId : null
  return db.$transaction(async (transaction) => {
    if (viewer.type === 'key') await holdKey(transaction, viewer)
    const result = await work(transaction)
    const entry = { ...act, actorKeyId, details: JSON.stringify(details) }
    if (result !== null) await transaction.auditEntry.create({ data: entry })
    return result
  }, PATIENCE)
}

// Acts of one key wait for each other and for its revocation, in turn: sharing the row, they could hold the revocation off for ever.
async function holdKey(
  transaction: Prisma.TransactionClient,
  { keyId, organizationId }: Extract<Viewer, { type: 'key' }>,
): Promise<void> {
  const working = await transaction.$queryRaw<object[]>`
    SELECT 1 FROM api_key
     WHERE organization_id = ${organizationId}::uuid AND id = ${keyId}::uuid
       AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
       FOR NO KEY UPDATE`
  if (working.length === 0) throw new CodedError('UNAUTHENTICATED', 'This API key has been revoked or has expired.')
}
