import { z } from 'zod'
import { setRetention } from '../accounts/retention-policies.ts'
import { builder } from './builder.ts'
import { RetentionPolicy } from './retention-policy.ts'

const positive = z.number().min(1, 'must be at least 1')

const RetentionPolicyInput = builder.inputType('RetentionPolicyInput', {
  description: 'A retention policy: maxAgeSeconds, maxEvents or both; or else keepAll.',
  fields: (t) => ({
    maxAgeSeconds: t.int({
      validate: positive,
      description: 'Maximum age of events, in seconds, at least 1. Omit for no limit.',
    }),
    maxEvents: t.field({
      type: 'SafeInt',
      validate: positive,
      description: 'Maximum number of events per stream, at least 1. Omit for no limit.',
    }),
    keepAll: t.boolean({
      description:
        "Set to true to keep all events, overriding the organization's policy. Cannot be combined with the limits.",
    }),
  }),
})

const RetentionTarget = builder.inputType('RetentionTarget', {
  description: 'Object that a retention policy applies to. Set exactly one field.',
  isOneOf: true,
  fields: (t) => ({
    organizationId: t.field({
      type: 'UUID',
      description: 'All streams of an organization that have no policy of their own.',
    }),
    datasetId: t.field({ type: 'UUID', description: "One dataset. Its policy replaces the organization's policy." }),
    reportId: t.field({ type: 'UUID', description: "One report. Its policy replaces the organization's policy." }),
  }),
})

builder.mutationField('setRetention', (t) =>
  t.field({
    type: RetentionPolicy,
    nullable: true,
    description:
      'Sets, replaces or removes a retention policy, for existing and future events. Returns the new policy, or null ' +
      'if it was removed. Removed events cannot be recovered. Requires ADMIN in the organization, or on the dataset ' +
      'or report.',
    authScopes: (_root, { of: { organizationId, datasetId, reportId } }) => ({
      ...(organizationId && { adminIn: organizationId }),
      ...(datasetId && { adminDataset: datasetId }),
      ...(reportId && { adminReport: reportId }),
    }),
    args: {
      of: t.arg({ type: RetentionTarget, required: true, description: 'Object that the policy applies to.' }),
      policy: t.arg({ type: RetentionPolicyInput, description: 'The new policy. Omit it to remove the current one.' }),
    },
    resolve: (_root, { of, policy }, context) => setRetention(context, of, policy),
  }),
)
