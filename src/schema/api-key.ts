import { v7 } from 'uuid'
import { z } from 'zod'
import { withAudit } from '../accounts/audit.ts'
import { makeKey, storedForm } from '../accounts/key-hash.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { name } from '../lib/text.ts'
import { builder } from './builder.ts'
import { listLength } from './list-length.ts'

const ApiKeyRole = builder.enumType('ApiKeyRole', {
  description: 'What a key may do, each role including the ones before it.',
  values: {
    READ: { description: 'Read datasets, reports and their events.' },
    WRITE: { description: 'Create datasets and reports, and record events.' },
    ADMIN: { description: 'Create and revoke the API keys of its organization.' },
  } as const,
})

const ApiKey = builder.prismaObject('ApiKey', {
  description: 'An API key, without its text: that is shown once, when it is created, and stored as a hash.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Made by the server; what revokeApiKey takes.' }),
    organizationId: t.expose('organizationId', {
      type: 'UUID',
      nullable: true,
      description: 'Whose data it opens; null for the root key.',
    }),
    role: t.expose('role', { type: ApiKeyRole, description: 'What it may do.' }),
    name: t.exposeString('name', { nullable: true, description: 'For people; null when it has none.' }),
    prefix: t.exposeString('prefix', { description: 'How its text begins, to tell which key it is.' }),
    datasetIds: t.expose('datasetIds', {
      type: ['UUID'],
      description: 'The datasets it is narrowed to; see createApiKey.',
    }),
    reportIds: t.expose('reportIds', {
      type: ['UUID'],
      description: 'The reports it is narrowed to; see createApiKey.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was used last, up to half a minute late; null when it never was.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it stops working; null for never.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null while it works.',
    }),
  }),
})

interface Created {
  key: string
  id: string
  organizationId: string
}

const CreatedApiKey = builder.objectRef<Created>('CreatedApiKey').implement({
  description: 'A new key and its text.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'The key itself. Keep it: it is not stored and cannot be shown again.' }),
    apiKey: t.prismaField({
      type: ApiKey,
      description: 'What is known of it from now on.',
      resolve: (query, { id, organizationId }, _args, { db }) =>
        db.apiKey.findUniqueOrThrow({ ...query, where: { organizationId_id: { organizationId, id } } }),
    }),
  }),
})

/** Maximum of valid keys per organization. */
const MOST_KEYS = 1_000

const streamList = z.array(z.string()).max(1_000, 'must list at most 1,000')

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new API key.',
  fields: (t) => ({
    organizationId: t.field({ type: 'UUID', required: true, description: 'Whose data it opens.' }),
    role: t.field({ type: ApiKeyRole, required: true, description: 'What it may do.' }),
    name: t.string({ validate: name, description: 'For people: 1 to 500 characters, no control characters.' }),
    datasetIds: t.field({
      type: ['UUID'],
      validate: streamList,
      description:
        'With this or reportIds, the key sees only the streams listed, and may neither create any nor manage keys.',
    }),
    reportIds: t.field({
      type: ['UUID'],
      validate: streamList,
      description: 'See datasetIds. All of them must belong to the organization.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it stops working, in the future; never when left out.' }),
  }),
})

builder.queryField('apiKeys', (t) =>
  t.prismaField({
    type: [ApiKey],
    description: 'The API keys of an organization, newest first, whether they work or not. ADMIN in it.',
    authScopes: (_root, { organizationId }) => ({ adminIn: organizationId }),
    args: {
      organizationId: t.arg({ type: 'UUID', required: true, description: 'Whose keys.' }),
      first: t.arg.int({ defaultValue: 100, validate: listLength, description: 'At most so many, 1 to 1,000.' }),
      after: t.arg({ type: 'UUID', description: 'Only those created before the key with this id: the last one seen.' }),
    },
    resolve: (query, _root, { organizationId, first, after }, { db }) =>
      db.apiKey.findMany({
        ...query,
        where: { organizationId, ...(after && { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: first ?? 100,
      }),
  }),
)

builder.mutationField('createApiKey', (t) =>
  t.field({
    type: CreatedApiKey,
    description:
      'Creates an API key. ADMIN in its organization. CONFLICT when 1,000 keys of the organization work already: revoke some.',
    authScopes: (_root, { input }) => ({ adminIn: input.organizationId }),
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The new key.' }) },
    resolve: (_root, { input }, { db, viewer }) => createApiKey(db, viewer, input),
  }),
)

builder.mutationField('revokeApiKey', (t) =>
  t.prismaField({
    type: ApiKey,
    description:
      'Stops a key from working, at once and for ever. ADMIN in its organization. Revoking twice changes nothing.',
    authScopes: { admin: true },
    args: { id: t.arg({ type: 'UUID', required: true, description: 'Its id, not its text.' }) },
    resolve: async (query, _root, { id }, { db, viewer }) => {
      const organizationId = await revokeApiKey(db, viewer, id)
      return db.apiKey.findUniqueOrThrow({ ...query, where: { organizationId_id: { organizationId, id } } })
    },
  }),
)

async function createApiKey(
  db: PrismaClient,
  viewer: Viewer,
  input: typeof CreateApiKeyInput.$inferInput,
): Promise<Created> {
  const { organizationId, role, name, expiresAt } = input
  if (expiresAt && expiresAt <= new Date()) throw new CodedError('BAD_USER_INPUT', 'expiresAt must be in the future.')
  const datasetIds = distinct(input.datasetIds, 'datasetIds')
  const reportIds = distinct(input.reportIds, 'reportIds')
  const [key, id] = [makeKey(), v7()]
  const details = { role, name, expiresAt, datasetIds, reportIds }
  const creation = { organizationId, subjectKind: 'API_KEY', subjectId: id, details } as const
  await withAudit(db, viewer, { action: 'CREATE_API_KEY', ...creation }, async (transaction) => {
    const datasets = await transaction.dataset.count({ where: { organizationId, id: { in: datasetIds } } })
    const reports = await transaction.report.count({ where: { organizationId, id: { in: reportIds } } })
    if (datasets < datasetIds.length || reports < reportIds.length)
      throw new CodedError(
        'NOT_FOUND',
        'datasetIds and reportIds must be those of datasets and reports of the organization.',
      )
    await checkRoom(transaction, organizationId)
    return transaction.apiKey.create({ data: { id, organizationId, ...details, ...storedForm(key) } })
  })
  return { key, id, organizationId }
}

// Locks the organization: concurrent creations would each find room for one more key.
async function checkRoom(transaction: Prisma.TransactionClient, organizationId: string): Promise<void> {
  await transaction.$queryRaw`SELECT 1 FROM organization WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`
  const works = { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] }
  if ((await transaction.apiKey.count({ where: { organizationId, ...works } })) < MOST_KEYS) return
  throw new CodedError(
    'CONFLICT',
    `${MOST_KEYS} keys of this organization work already. Revoke one that is not needed.`,
  )
}

function distinct(ids: readonly string[] | null | undefined, argument: string): string[] {
  if (ids?.length === 0)
    throw new CodedError('BAD_USER_INPUT', `${argument} is empty: leave it out, or list what the key may see.`)
  return [...new Set(ids)]
}

/** @returns the organization of the key. */
async function revokeApiKey(db: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const manageable = viewer.type === 'key' ? viewer.organizationId : { not: null }
  const key = await db.apiKey.findFirst({ where: { id, organizationId: manageable }, select: { organizationId: true } })
  if (!key?.organizationId) throw new CodedError('NOT_FOUND', `There is no API key ${id} that this key may revoke.`)
  const { organizationId } = key
  const subject = { organizationId, subjectKind: 'API_KEY', subjectId: id } as const
  await withAudit(db, viewer, { action: 'REVOKE_API_KEY', ...subject }, async (transaction) => {
    const revokedAt = new Date()
    const where = { organizationId, id, revokedAt: null }
    const { count } = await transaction.apiKey.updateMany({ where, data: { revokedAt } })
    return count > 0 ? revokedAt : null
  })
  return organizationId
}
