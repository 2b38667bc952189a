import type { OrganizationRetention, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

/** Retention limits; both null keeps all events. */
export type Policy = Pick<OrganizationRetention, 'maxAgeSeconds' | 'maxEvents'>

export interface PolicySubject {
  readonly kind: 'ORGANIZATION' | 'DATASET' | 'REPORT'
  readonly id: string
  readonly organizationId: string
}

/** Sets a policy, or removes it when undefined, and records the act. */
export async function setPolicy(
  db: PrismaClient,
  viewer: Viewer,
  { kind, id, organizationId }: PolicySubject,
  policy: Policy | undefined,
): Promise<void> {
  const details = policy && { ...policy, maxEvents: policy.maxEvents === null ? null : Number(policy.maxEvents) }
  const setting = { organizationId, subjectKind: kind, subjectId: id, details } as const
  await withAudit(db, viewer, { action: 'SET_RETENTION', ...setting }, (transaction) =>
    kind === 'ORGANIZATION'
      ? setOfOrganization(transaction, organizationId, policy)
      : setOfStream(transaction, { organizationId, streamId: id }, policy),
  )
}

function setOfOrganization(
  { organizationRetention }: Prisma.TransactionClient,
  organizationId: string,
  policy: Policy | undefined,
): Promise<object> {
  const where = { organizationId }
  if (!policy) return organizationRetention.deleteMany({ where })
  return organizationRetention.upsert({ where, create: { ...where, ...policy }, update: policy })
}

function setOfStream(
  { streamRetention }: Prisma.TransactionClient,
  stream: { organizationId: string; streamId: string },
  policy: Policy | undefined,
): Promise<object> {
  if (!policy) return streamRetention.deleteMany({ where: stream })
  const where = { organizationId_streamId: stream }
  return streamRetention.upsert({ where, create: { ...stream, ...policy }, update: policy })
}
