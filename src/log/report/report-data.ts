import { v5 } from 'uuid'
import { z } from 'zod'
import { CodedError } from '../../errors.ts'
import { jsonObject, text, uuid } from '../../lib/text.ts'
import { uuidBytes } from '../uuid-bytes.ts'

// The one definition of a report event: its TypeScript types, what is accepted, what is stored (members in this order,
// then undocumented ones, without the event's own `id` and `timestamp`), and the OpenAPI document. The members are
// LlamaCloud's `event_data`, as strict as its document.

/** An object that keeps undocumented members, of which its type knows nothing. */
function open<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>
}

export const BLOCK_MESSAGE = 'A block has been generated and is ready to be displayed'

export const MAX_SOURCES = 1_000

/** Most sources of all blocks of one append: omitted members expand each to 330 bytes of defaults. */
export const MAX_SOURCES_AT_ONCE = 10_000

/** Deterministic, so that a retry is a duplicate. @param eventId the event that the source belongs to. */
function defaultNodeId(index: number, eventId: string): string {
  return v5(String(index), uuidBytes(eventId))
}

export const RelatedNode = open({
  node_id: z.string().optional(),
  node_type: z.string().nullable().default(null).describe('1 source, 2 previous, 3 next, 4 parent, 5 child.'),
  metadata: jsonObject.default({}),
  hash: z.string().nullable().default(null),
  class_name: z.string().default('RelatedNodeInfo'),
})

export const TextNode = open({
  id_: text.describe('Unique ID of the node.'),
  embedding: z.array(z.number()).nullable().default(null).describe('Embedding of the node.'),
  extra_info: jsonObject.default({}).describe('A flat dictionary of metadata fields.'),
  excluded_embed_metadata_keys: z
    .array(text)
    .default([])
    .describe('Metadata keys that are excluded from text for the embed model.'),
  excluded_llm_metadata_keys: z
    .array(text)
    .default([])
    .describe('Metadata keys that are excluded from text for the LLM.'),
  relationships: z
    .record(text, z.union([RelatedNode, z.array(RelatedNode)], 'must be a RelatedNodeInfo or a list of them'))
    .default({})
    .describe('A mapping of relationships to other node information, by LlamaIndex from "1" to "5".'),
  metadata_template: text.default('{key}: {value}'),
  metadata_seperator: text.default('\n').describe('Separator between metadata entries. Spelled as in LlamaCloud.'),
  text: text.default('').describe('Text content of the node.'),
  mimetype: text.default('text/plain').describe('MIME type of the node content.'),
  start_char_idx: z.int32().nullable().default(null).describe('Start char index of the node.'),
  end_char_idx: z.int32().nullable().default(null).describe('End char index of the node.'),
  text_template: text.default('{metadata_str}\n\n{content}'),
  class_name: text.default('TextNode'),
})

export const TextNodeWithScore = open({
  node: TextNode,
  score: z.number().nullable().default(null),
  class_name: text.default('TextNodeWithScore'),
})

export const ReportBlock = open({
  idx: z.int32().describe('The index of the block.'),
  template: text.describe('The content of the block.'),
  requires_human_review: z
    .boolean()
    .optional()
    .describe('Whether the block requires human review. Absent if the writer did not specify it.'),
  sources: z.array(TextNodeWithScore).describe('The sources for the block.'),
})

const msg = text.describe('The message to display to the user.')

export const ProgressData = open({
  group_id: uuid.nullable().default(null).describe('The ID of the group this event belongs to.'),
  type: z.literal('progress'),
  variant: z.enum(['load_template', 'extract_plan', 'summarize', 'file_processing', 'generate_block', 'editing']),
  msg,
  progress: z.number().max(1).nullable().default(null).describe('Progress value between 0-1 if available.'),
  status: z
    .enum(['pending', 'in_progress', 'completed', 'error'])
    .default('pending')
    .describe('Current status of the operation.'),
  extra_detail: jsonObject.nullable().default(null).describe('Any extra details to display to the user.'),
})

export const BlockUpdateData = open({
  type: z.literal('report_block_update'),
  msg: msg.default(BLOCK_MESSAGE),
  block: ReportBlock,
})

export const StateData = open({
  type: z.literal('report_state_update'),
  msg,
  status: z
    .enum(['pending', 'planning', 'waiting_approval', 'generating', 'completed', 'error'])
    .describe('The new state of the report.'),
})

export type TextNode = z.output<typeof TextNode>
export type TextNodeWithScore = z.output<typeof TextNodeWithScore>
export type ReportBlock = z.output<typeof ReportBlock>
export type ProgressData = z.output<typeof ProgressData>
export type BlockUpdateData = z.output<typeof BlockUpdateData>
export type StateData = z.output<typeof StateData>
export type ReportEventData = ProgressData | BlockUpdateData | StateData

// The ids of nodes depend on the event.
export const GivenSource = TextNodeWithScore.extend({ node: TextNode.partial({ id_: true }) })

export const GivenBlock = ReportBlock.extend({
  sources: z.array(GivenSource).max(MAX_SOURCES, 'must have at most 1,000 sources').default([]),
})

const GivenData = z.discriminatedUnion('type', [ProgressData, BlockUpdateData.extend({ block: GivenBlock }), StateData])

// As writers give them: members that have a default may be missing.
export type GivenSource = z.input<typeof GivenSource>
export type GivenBlock = z.input<typeof GivenBlock>
export type GivenReportData = z.input<typeof GivenData>

/** `event_data` as stored, idempotent: adds defaults, keeps undocumented members. @throws CodedError BAD_USER_INPUT. */
export function reportDataOf(value: unknown, eventId: string, name: string): ReportEventData {
  const { data: given, error } = GivenData.safeParse(value)
  if (error) {
    const { path, message } = error.issues[0] as z.core.$ZodIssue
    throw new CodedError('BAD_USER_INPUT', `${[name, ...path].join('.')}: ${message}.`)
  }
  const data = withoutColumns(given)
  switch (data.type) {
    case 'progress':
      return isServedAsItsOwnGroup(value, eventId, data.group_id) ? { ...data, group_id: null } : data
    case 'report_block_update':
      return { ...data, block: { ...data.block, sources: data.block.sources.map((it, i) => withId(it, i, eventId)) } }
    case 'report_state_update':
      return data
  }
}

function withoutColumns<Data extends object>(given: Data): Data {
  const { id, timestamp, ...data } = given as Data & { id?: unknown; timestamp?: unknown }
  return data as unknown as Data
}

// Data with an id comes from an API, which serves an event without a group as its own group: see `legacyEventData`.
function isServedAsItsOwnGroup(value: unknown, eventId: string, groupId: string | null): boolean {
  return groupId === eventId && typeof value === 'object' && value !== null && 'id' in value
}

function withId(source: z.output<typeof GivenSource>, index: number, eventId: string): TextNodeWithScore {
  const { id_ = defaultNodeId(index, eventId), ...node } = source.node
  return { ...source, node: { id_, ...node } }
}
