import { z } from 'zod'
import { text } from '../lib/text.ts'
import { MAX_SOURCES } from '../log/report/report-data.ts'
import type { Block } from '../log/report/report-event.ts'
import { builder } from './builder.ts'
import { TextNodeWithScore, TextNodeWithScoreInput, toNodeWithScore } from './text-node.ts'

export const ReportBlock = builder.objectRef<Block>('ReportBlock').implement({
  description: 'One block of a report, as it was at one time. A later update with the same idx replaces it.',
  fields: (t) => ({
    idx: t.exposeInt('idx', { description: 'Its place in the report.' }),
    template: t.exposeString('template', { description: 'Its content.' }),
    requiresHumanReview: t.boolean({
      description: 'Whether a person must look at it before it counts; false when the workflow did not say.',
      resolve: ({ requires_human_review }) => requires_human_review ?? false,
    }),
    sources: t.expose('sources', { type: [TextNodeWithScore], description: 'What it was written from.' }),
  }),
})

export const ReportBlockInput = builder.inputType('ReportBlockInput', {
  description: 'The content of one block of a report.',
  fields: (t) => ({
    idx: t.int({ required: true, description: 'Its place in the report.' }),
    template: t.string({ required: true, validate: text, description: 'Its content.' }),
    requiresHumanReview: t.boolean({
      description:
        'Whether a person must look at it. Left out, legacy clients do not see the key, which older ones do not know.',
    }),
    sources: t.field({
      type: [TextNodeWithScoreInput],
      validate: z.array(z.unknown()).max(MAX_SOURCES, 'has more than 1,000 sources'),
      description: 'What it was written from; at most 1,000 sources.',
    }),
  }),
})

/** @param eventId see toNodeWithScore. */
export function toBlock(input: typeof ReportBlockInput.$inferInput, eventId: string): Block {
  const { idx, template, requiresHumanReview, sources } = input
  return {
    idx,
    template,
    ...(requiresHumanReview != null && { requires_human_review: requiresHumanReview }),
    sources: (sources ?? []).map((source, index) => toNodeWithScore(source, index, eventId)),
  }
}
