import { z } from 'zod'
import { type Policy, type PolicySubject, setPolicy } from '../accounts/retention-policies.ts'
import { CodedError } from '../errors.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { RetentionPolicy } from './retention-policy.ts'

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
): Promise<Policy | null> {
  await setPolicy(context.db, context.viewer, await subjectOf(context, of), policy)
  context.sweep()
  return policy ?? null
}

async function subjectOf(
  { db, dataset, report }: Context,
  { organizationId, datasetId, reportId }: typeof RetentionTarget.$inferInput,
): Promise<PolicySubject> {
  if (organizationId) {
    if (!(await db.organization.findUnique({ where: { id: organizationId }, select: { id: true } })))
      throw new CodedError('NOT_FOUND', `There is no organization ${organizationId}.`)
    return { kind: 'ORGANIZATION', id: organizationId, organizationId }
  }
  return datasetId ? await dataset(datasetId) : await report(String(reportId))
}
