import { z } from 'zod'
import { text } from '../lib/text.ts'
import { type ReportBlock as Block, type GivenBlock, MAX_SOURCES } from '../log/report/report-data.ts'
import { builder } from './builder.ts'
import { TextNodeWithScore, TextNodeWithScoreInput, toSource } from './text-node.ts'

export const ReportBlock = builder.objectRef<Block>('ReportBlock').implement({
  description:
    'Content of one block of a report at the time of the event. A later update with the same idx replaces it.',
  fields: (t) => ({
    idx: t.exposeInt('idx', { description: 'Position of the block in the report.' }),
    template: t.exposeString('template', { description: 'Content of the block.' }),
    requiresHumanReview: t.boolean({
      description: 'Whether a person must review the block. False if the workflow did not specify it.',
      resolve: ({ requires_human_review }) => requires_human_review ?? false,
    }),
    sources: t.expose('sources', {
      type: [TextNodeWithScore],
      description: 'Source texts that the block was generated from.',
    }),
  }),
})

export const ReportBlockInput = builder.inputType('ReportBlockInput', {
  description: 'Content of one block of a report.',
  fields: (t) => ({
    idx: t.int({ required: true, description: 'Position of the block in the report.' }),
    template: t.string({ required: true, validate: text, description: 'Content of the block.' }),
    requiresHumanReview: t.boolean({
      description:
        'Whether a person must review the block. If omitted, the REST route omits it too, for older clients that do ' +
        'not expect it.',
    }),
    sources: t.field({
      type: [TextNodeWithScoreInput],
      validate: z.array(z.unknown()).max(MAX_SOURCES, 'must have at most 1,000 sources'),
      description: 'Source texts that the block was generated from: at most 1,000 per block and 10,000 per call.',
    }),
  }),
})

export function toBlock({
  idx,
  template,
  requiresHumanReview,
  sources,
}: typeof ReportBlockInput.$inferInput): GivenBlock {
  return {
    idx,
    template,
    ...(requiresHumanReview != null && { requires_human_review: requiresHumanReview }),
    sources: sources?.map(toSource),
  }
}
