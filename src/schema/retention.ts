import { z } from 'zod'
import { act } from '../auth/audit.ts'
import type { Context } from '../context.ts'
import { CodedError } from '../errors.ts'
import type { Retention } from '../generated/prisma/client.ts'
import { builder } from './builder.ts'
import { Dataset } from './dataset.ts'
import { Organization } from './organization.ts'
import { Report } from './report.ts'

const RetentionPolicy = builder.prismaObject('Retention', {
  name: 'RetentionPolicy',
  description:
    'How long events are kept. What is not kept any longer is removed within half a minute, from the oldest on: it is counted and paged no more, and a cursor that leads there is refused with CURSOR_EXPIRED. A finished report keeps the state that says so.',
  fields: (t) => ({
    maxAgeSeconds: t.exposeInt('maxAgeSeconds', {
      nullable: true,
      description: 'For how many seconds; null for any time.',
    }),
    maxEvents: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'How many of the newest of each stream; null for any number. With both null, everything is kept.',
      resolve: ({ maxEvents }) => (maxEvents === null ? null : Number(maxEvents)),
    }),
  }),
})

const positive = z.number().min(1, 'must be 1 or more')

const RetentionPolicyInput = builder.inputType('RetentionPolicyInput', {
  description: 'How long to keep events: at most so long, at most so many, or all of them.',
  fields: (t) => ({
    maxAgeSeconds: t.int({
      validate: positive,
      description: 'For how many seconds, 1 or more; any time when left out.',
    }),
    maxEvents: t.field({
      type: 'SafeInt',
      validate: positive,
      description: 'How many of the newest of each stream, 1 or more; any number when left out.',
    }),
    keepAll: t.boolean({
      description: 'true, and nothing else: keep everything, whatever the policy of the organization says.',
    }),
  }),
})

const RetentionTarget = builder.inputType('RetentionTarget', {
  description: 'What a retention policy is for.',
  isOneOf: true,
  fields: (t) => ({
    organizationId: t.field({
      type: 'UUID',
      description: 'All streams of an organization that have no policy of their own.',
    }),
    datasetId: t.field({ type: 'UUID', description: 'One dataset.' }),
    reportId: t.field({ type: 'UUID', description: 'One report.' }),
  }),
})

builder.objectField(Organization, 'retention', (t) => t.field(policyOf('Null: everything is kept.')))
builder.objectField(Dataset, 'retention', (t) => t.field(policyOf('Null: that of its organization.')))
builder.objectField(Report, 'retention', (t) => t.field(policyOf('Null: that of its organization.')))

function policyOf(none: string) {
  return {
    type: RetentionPolicy,
    nullable: true,
    description: `How long events are kept, as it was said for this itself. ${none}`,
    resolve: ({ id }: { id: string }, _args: object, { db }: Context) =>
      db.retention.findUnique({ where: { subjectId: id } }),
  } as const
}

builder.mutationField('setRetention', (t) =>
  t.field({
    type: RetentionPolicy,
    nullable: true,
    description:
      'Says how long to keep events, from now on and of what there is. What is removed cannot be had back. Gives the policy as it is then. ADMIN in the organization, or on the dataset or report.',
    authScopes: (_root, { of: { organizationId, datasetId, reportId } }) => ({
      ...(organizationId && { adminIn: organizationId }),
      ...(datasetId && { adminDataset: datasetId }),
      ...(reportId && { adminReport: reportId }),
    }),
    args: {
      of: t.arg({ type: RetentionTarget, required: true, description: 'What it is for.' }),
      policy: t.arg({ type: RetentionPolicyInput, description: 'The policy; without one, there is none any longer.' }),
    },
    resolve: (_root, { of, policy }, context) => setRetention(context, of, policy ? toPolicy(policy) : undefined),
  }),
)

type Policy = Pick<Retention, 'maxAgeSeconds' | 'maxEvents'>

function toPolicy({ maxAgeSeconds, maxEvents, keepAll }: typeof RetentionPolicyInput.$inferInput): Policy {
  const limited = maxAgeSeconds != null || maxEvents != null
  if (limited === (keepAll === true))
    throw new CodedError('BAD_USER_INPUT', 'Give maxAgeSeconds, maxEvents or both, or else keepAll: true.')
  return { maxAgeSeconds: maxAgeSeconds ?? null, maxEvents: maxEvents == null ? null : BigInt(maxEvents) }
}

async function setRetention(
  context: Context,
  of: typeof RetentionTarget.$inferInput,
  policy: Policy | undefined,
): Promise<Retention | null> {
  const { db, viewer, sweep } = context
  const { subjectId, organizationId } = await targetOf(context, of)
  const details = policy && { ...policy, maxEvents: policy.maxEvents === null ? null : Number(policy.maxEvents) }
  const where = { subjectId }
  await act(db, viewer, { action: 'SET_RETENTION', organizationId, subjectId, details }, async ({ retention }) =>
    policy
      ? retention.upsert({ where, create: { subjectId, organizationId, ...policy }, update: policy })
      : retention.deleteMany({ where }),
  )
  sweep()
  return db.retention.findUnique({ where })
}

async function targetOf(
  { db, findDataset, findReport }: Context,
  { organizationId, datasetId, reportId }: typeof RetentionTarget.$inferInput,
): Promise<{ subjectId: string; organizationId: string }> {
  if (organizationId) {
    if (!(await db.organization.findUnique({ where: { id: organizationId }, select: { id: true } })))
      throw new CodedError('NOT_FOUND', `There is no organization ${organizationId}.`)
    return { subjectId: organizationId, organizationId }
  }
  const stream = datasetId ? await findDataset(datasetId) : await findReport(String(reportId))
  // Seen when the rights were looked at, and perhaps gone since.
  if (!stream) throw new CodedError('NOT_FOUND', 'There is no such stream any more.')
  return { subjectId: stream.id, organizationId: stream.organizationId }
}
