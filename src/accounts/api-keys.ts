import { v7 } from 'uuid'
import type { ApiKeyRole, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { withAudit } from './audit.ts'
import { ROOT_KEY_ID } from './authenticate.ts'
import { makeKey, storedForm } from './key-hash.ts'
import { IS_VALID_KEY } from './valid-key.ts'
import { manageableApiKeys, type Viewer } from './viewer.ts'

const MOST_KEYS = 1_000

export interface NewApiKey {
  organizationId: string
  role: ApiKeyRole
  name?: string | null
  expiresAt?: Date | null
  /** Both absent: the key sees the whole organization. */
  datasetIds?: readonly string[] | null
  reportIds?: readonly string[] | null
}

export interface CreatedApiKey {
  key: string
  id: string
  organizationId: string
}

/** @throws CodedError BAD_USER_INPUT, NOT_FOUND (a dataset or report), CONFLICT (`MOST_KEYS`). */
export async function createApiKey(db: PrismaClient, viewer: Viewer, input: NewApiKey): Promise<CreatedApiKey> {
  const { organizationId, role, name, expiresAt } = input
  const datasetIds = distinct(input.datasetIds, 'datasetIds')
  const reportIds = distinct(input.reportIds, 'reportIds')
  const [key, id] = [makeKey(), v7()]
  const details = { role, name, expiresAt, datasetIds, reportIds }
  const creation = { organizationId, subjectKind: 'API_KEY', subjectId: id, details } as const
  await withAudit(db, viewer, { action: 'CREATE_API_KEY', ...creation }, async (transaction) => {
    if (expiresAt && (await isPast(transaction, expiresAt)))
      throw new CodedError('BAD_USER_INPUT', 'expiresAt must be in the future.')
    const datasets = await transaction.dataset.count({ where: { organizationId, id: { in: datasetIds } } })
    const reports = await transaction.report.count({ where: { organizationId, id: { in: reportIds } } })
    if (datasets < datasetIds.length || reports < reportIds.length)
      throw new CodedError(
        'NOT_FOUND',
        'datasetIds and reportIds must be ids of datasets and reports of the organization.',
      )
    await checkRoom(transaction, organizationId)
    return transaction.apiKey.create({ data: { id, organizationId, ...details, ...storedForm(key) } })
  })
  return { key, id, organizationId }
}

// By the clock of the database, which also decides when the key expires.
async function isPast(transaction: Prisma.TransactionClient, time: Date): Promise<boolean> {
  const rows = await transaction.$queryRaw<{ past: boolean }[]>`SELECT ${time}::timestamptz <= now() AS past`
  return rows[0]?.past === true
}

/** A key of another database, without its secret, which stays valid here. */
export interface MovedApiKey {
  id: string
  organizationId: string
  role: ApiKeyRole
  name: string | null
  prefix: string
  hash: string
  datasetIds: string[]
  reportIds: string[]
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}

/** Stores a key of another database, once. @returns why it cannot. @throws CodedError CONFLICT (`MOST_KEYS`). */
export async function importApiKey(db: PrismaClient, viewer: Viewer, key: MovedApiKey): Promise<string | undefined> {
  const { id, organizationId, role, name, expiresAt, revokedAt, datasetIds, reportIds } = key
  if (id === ROOT_KEY_ID) return `The id ${id} is reserved for the root key.`
  if (!(await db.organization.findUnique({ where: { id: organizationId }, select: { id: true } })))
    return `Organization ${organizationId} does not exist.`
  const known = await db.apiKey.findFirst({ where: { OR: [{ id }, { hash: key.hash }] } })
  if (known) {
    const isSame = known.id === id && known.hash === key.hash && known.organizationId === organizationId
    return isSame ? undefined : `The id or the hash of API key ${id} is already in use.`
  }
  const details = { role, name, expiresAt, datasetIds, reportIds }
  const creation = { organizationId, subjectKind: 'API_KEY', subjectId: id, details } as const
  await withAudit(db, viewer, { action: 'CREATE_API_KEY', ...creation }, async (transaction) => {
    const isValid = revokedAt === null && !(expiresAt !== null && (await isPast(transaction, new Date(expiresAt))))
    if (isValid) await checkRoom(transaction, organizationId)
    return transaction.apiKey.create({ data: key, select: { id: true } })
  })
  return undefined
}

/** Revokes a key once. @param query selects the result. @throws CodedError NOT_FOUND unless the viewer manages it. */
export async function revokeApiKey(
  db: PrismaClient,
  viewer: Viewer,
  id: string,
  query: Pick<Prisma.ApiKeyFindUniqueOrThrowArgs, 'select' | 'include'> = {},
) {
  const where = { AND: [{ id }, manageableApiKeys(viewer)] }
  const key = await db.apiKey.findFirst({ where, select: { organizationId: true } })
  if (!key?.organizationId)
    throw new CodedError('NOT_FOUND', `API key ${id} does not exist, or the caller cannot revoke it.`)
  const { organizationId } = key
  const subject = { organizationId, subjectKind: 'API_KEY', subjectId: id } as const
  await withAudit(db, viewer, { action: 'REVOKE_API_KEY', ...subject }, async (transaction) => {
    const revokedAt = new Date()
    const where = { organizationId, id, revokedAt: null }
    const { count } = await transaction.apiKey.updateMany({ where, data: { revokedAt } })
    return count > 0 ? revokedAt : null
  })
  return db.apiKey.findUniqueOrThrow({ ...query, where: { organizationId_id: { organizationId, id } } })
}

// Locks the organization: concurrent creations would each find room for one more key.
async function checkRoom(transaction: Prisma.TransactionClient, organizationId: string): Promise<void> {
  await transaction.$queryRaw`SELECT 1 FROM organization WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`
  const [valid] = await transaction.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM api_key WHERE organization_id = ${organizationId}::uuid AND ${IS_VALID_KEY}`
  if (valid && valid.count < MOST_KEYS) return
  throw new CodedError('CONFLICT', `The organization has ${MOST_KEYS} valid API keys, the limit. Revoke one first.`)
}

function distinct(ids: readonly string[] | null | undefined, argument: string): string[] {
  if (ids?.length === 0)
    throw new CodedError(
      'BAD_USER_INPUT',
      `${argument} must not be empty. Omit it, or list the ids that the key can access.`,
    )
  return [...new Set(ids)]
}
