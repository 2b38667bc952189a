import type { OrganizationRetention, Prisma, PrismaClient, StreamKind } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

/** Retention limits; both null keeps all events. */
export type Policy = Pick<OrganizationRetention, 'maxAgeSeconds' | 'maxEvents'>

/** A policy as input has it; `maxEvents` is a safe integer. */
export interface GivenPolicy {
  maxAgeSeconds: number | null
  maxEvents: number | null
}

export function created(policy: GivenPolicy | null | undefined): { create: GivenPolicy } | undefined {
  return policy ? { create: policy } : undefined
}

/** Exactly one id. */
export interface PolicyTarget {
  organizationId?: string | null
  datasetId?: string | null
  reportId?: string | null
}

/** One limit or both; or else `keepAll`. */
export interface NewPolicy {
  maxAgeSeconds?: number | null
  maxEvents?: number | null
  keepAll?: boolean | null
}

interface PolicySubject {
  readonly kind: 'ORGANIZATION' | StreamKind
  readonly id: string
  readonly organizationId: string
}

interface Setting {
  readonly db: PrismaClient
  readonly viewer: Viewer
  /** Finds a visible stream. @throws CodedError NOT_FOUND. */
  readonly dataset: (id: string) => Promise<Stream>
  readonly report: (id: string) => Promise<Stream>
  readonly sweep: () => void
}

/** Sets a policy, or removes it when null. @throws CodedError NOT_FOUND, BAD_USER_INPUT. */
export async function setRetention(
  { db, viewer, sweep, ...find }: Setting,
  target: PolicyTarget,
  newPolicy: NewPolicy | null | undefined,
): Promise<Policy | null> {
  const policy = newPolicy ? toPolicy(newPolicy) : null
  const { kind, id, organizationId } = await findSubject(db, find, target)
  const details = newPolicy && policy ? { ...policy, maxEvents: newPolicy.maxEvents ?? null } : undefined
  const setting = { organizationId, subjectKind: kind, subjectId: id, details } as const
  await withAudit(db, viewer, { action: 'SET_RETENTION', ...setting }, (transaction) =>
    kind === 'ORGANIZATION'
      ? setOfOrganization(transaction, organizationId, policy)
      : setOfStream(transaction, { organizationId, streamId: id }, policy),
  )
  sweep()
  return policy
}

function toPolicy({ maxAgeSeconds, maxEvents, keepAll }: NewPolicy): Policy {
  const limited = maxAgeSeconds != null || maxEvents != null
  if (limited === (keepAll === true))
    throw new CodedError('BAD_USER_INPUT', 'Set maxAgeSeconds, maxEvents or both; or only keepAll: true.')
  return { maxAgeSeconds: maxAgeSeconds ?? null, maxEvents: maxEvents == null ? null : BigInt(maxEvents) }
}

async function findSubject(
  db: PrismaClient,
  { dataset, report }: Pick<Setting, 'dataset' | 'report'>,
  { organizationId, datasetId, reportId }: PolicyTarget,
): Promise<PolicySubject> {
  if (!organizationId) return datasetId ? await dataset(datasetId) : await report(String(reportId))
  if (!(await db.organization.findUnique({ where: { id: organizationId }, select: { id: true } })))
    throw new CodedError('NOT_FOUND', `Organization ${organizationId} does not exist.`)
  return { kind: 'ORGANIZATION', id: organizationId, organizationId }
}

/** @returns null where there was no policy to remove, which is no act to record. */
function setOfOrganization(
  { organizationRetention }: Prisma.TransactionClient,
  organizationId: string,
  policy: Policy | null,
): Promise<object | null> {
  const where = { organizationId }
  if (!policy) return removed(organizationRetention.deleteMany({ where }))
  return organizationRetention.upsert({ where, create: { ...where, ...policy }, update: policy })
}

async function setOfStream(
  transaction: Prisma.TransactionClient,
  stream: { organizationId: string; streamId: string },
  policy: Policy | null,
): Promise<object | null> {
  // As `trim_by_policy` does: once this is committed, nothing is removed by the policy before it.
  await transaction.$queryRaw`SELECT 1 FROM stream WHERE id = ${stream.streamId}::uuid FOR NO KEY UPDATE`
  const { streamRetention } = transaction
  if (!policy) return removed(streamRetention.deleteMany({ where: stream }))
  const where = { organizationId_streamId: stream }
  return streamRetention.upsert({ where, create: { ...stream, ...policy }, update: policy })
}

async function removed(deleting: Promise<Prisma.BatchPayload>): Promise<object | null> {
  const { count } = await deleting
  return count > 0 ? { count } : null
}
