import { v5 } from 'uuid'
import { z } from 'zod'
import { CodedError } from '../../errors.ts'
import { jsonObject, text, uuid } from '../../lib/text.ts'
import { uuidBytes } from '../uuid-bytes.ts'
import type { NodeWithScore, ReportEventData } from './report-event.ts'

export const BLOCK_MESSAGE = 'A block has been generated and is ready to be displayed'

export const MAX_SOURCES = 1_000

/** Most sources of all blocks of one append: omitted members expand each to 330 bytes of defaults. */
export const MAX_SOURCES_AT_ONCE = 10_000

export const NODE_DEFAULTS = {
  metadata_template: '{key}: {value}',
  metadata_seperator: '\n',
  mimetype: 'text/plain',
  text_template: '{metadata_str}\n\n{content}',
  class_name: 'TextNode',
} as const

export const SOURCE_CLASS = 'TextNodeWithScore'

/** Deterministic, so that a retry is a duplicate. @param eventId the event that the source belongs to. */
export function defaultNodeId(index: number, eventId: string): string {
  return v5(String(index), uuidBytes(eventId))
}

const RelatedNode = z.looseObject({
  node_id: z.string(),
  node_type: z.string().nullable().default(null),
  metadata: jsonObject.default({}),
  hash: z.string().nullable().default(null),
  class_name: z.string().default('RelatedNodeInfo'),
})

/** By LlamaIndex's NodeRelationship: 1 source, 2 previous, 3 next, 4 parent, 5 child. */
export const Relationships = z.partialRecord(
  z.enum(['1', '2', '3', '4', '5']),
  z.union(
    [RelatedNode, z.array(RelatedNode)],
    'must be a RelatedNodeInfo, an object with a node_id, or a list of them',
  ),
)

// Member order is that of the stored text.
const TextNode = z.object({
  id_: text.optional(),
  embedding: z.array(z.number()).nullable().default(null),
  extra_info: jsonObject.default({}),
  excluded_embed_metadata_keys: z.array(text).default([]),
  excluded_llm_metadata_keys: z.array(text).default([]),
  relationships: Relationships.default({}),
  metadata_template: text.default(NODE_DEFAULTS.metadata_template),
  metadata_seperator: text.default(NODE_DEFAULTS.metadata_seperator),
  text: text.default(''),
  mimetype: text.default(NODE_DEFAULTS.mimetype),
  start_char_idx: z.int32().nullable().default(null),
  end_char_idx: z.int32().nullable().default(null),
  text_template: text.default(NODE_DEFAULTS.text_template),
  class_name: text.default(NODE_DEFAULTS.class_name),
})

const Source = z.object({
  node: TextNode,
  score: z.number().nullable().default(null),
  class_name: text.default(SOURCE_CLASS),
})

const Data = z.discriminatedUnion('type', [
  z.object({
    group_id: uuid.nullable().default(null),
    type: z.literal('progress'),
    variant: z.enum(['load_template', 'extract_plan', 'summarize', 'file_processing', 'generate_block', 'editing']),
    msg: text,
    progress: z.number().min(0).max(1).nullable().default(null),
    status: z.enum(['pending', 'in_progress', 'completed', 'error']).default('pending'),
    extra_detail: jsonObject.nullable().default(null),
  }),
  z.object({
    type: z.literal('report_block_update'),
    msg: text.default(BLOCK_MESSAGE),
    block: z.object({
      idx: z.int32(),
      template: text,
      requires_human_review: z.boolean().optional(),
      sources: z.array(Source).max(MAX_SOURCES, 'must have at most 1,000 sources').default([]),
    }),
  }),
  z.object({
    type: z.literal('report_state_update'),
    msg: text,
    status: z.enum(['pending', 'planning', 'waiting_approval', 'generating', 'completed', 'error']),
  }),
])

/** `event_data` as stored, idempotent: adds defaults, drops undocumented members. @throws CodedError BAD_USER_INPUT. */
export function reportDataOf(value: unknown, eventId: string, name: string): ReportEventData {
  const { data, error } = Data.safeParse(value)
  if (error) {
    const { path, message } = error.issues[0] as z.core.$ZodIssue
    throw new CodedError('BAD_USER_INPUT', `${[name, ...path].join('.')}: ${message}.`)
  }
  switch (data.type) {
    case 'progress':
      return isServedAsItsOwnGroup(value, eventId, data.group_id) ? { ...data, group_id: null } : data
    case 'report_block_update':
      return { ...data, block: { ...data.block, sources: data.block.sources.map((it, i) => withId(it, i, eventId)) } }
    case 'report_state_update':
      return data
  }
}

// Data with an id comes from an API, which serves an event without a group as its own group: see `legacyEventData`.
function isServedAsItsOwnGroup(value: unknown, eventId: string, groupId: string | null): boolean {
  return groupId === eventId && typeof value === 'object' && value !== null && 'id' in value
}

function withId(source: z.infer<typeof Source>, index: number, eventId: string): NodeWithScore {
  const { id_ = defaultNodeId(index, eventId), ...node } = source.node
  return { ...source, node: { id_, ...node } }
}
