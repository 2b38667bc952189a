import { z } from '@hono/zod-openapi'

// LlamaCloud's documented schemas and names; fields that the server always sends are required.

const NodeType = z
  .union([z.enum(['1', '2', '3', '4', '5']), z.string()])
  .openapi({ description: '1 source, 2 previous, 3 next, 4 parent, 5 child.' })

const RelatedNodeInfo = z
  .looseObject({
    node_id: z.string(),
    node_type: NodeType.nullish(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    hash: z.string().nullish(),
    class_name: z.string().optional(),
  })
  .openapi('RelatedNodeInfo')

const TextNode = z
  .object({
    id_: z.string().openapi({ description: 'Unique ID of the node.' }),
    embedding: z.array(z.number()).nullable().openapi({ description: 'Embedding of the node.' }),
    extra_info: z.record(z.string(), z.unknown()).openapi({ description: 'A flat dictionary of metadata fields.' }),
    excluded_embed_metadata_keys: z
      .array(z.string())
      .openapi({ description: 'Metadata keys that are excluded from text for the embed model.' }),
    excluded_llm_metadata_keys: z
      .array(z.string())
      .openapi({ description: 'Metadata keys that are excluded from text for the LLM.' }),
    relationships: z
      .record(z.string(), z.union([RelatedNodeInfo, z.array(RelatedNodeInfo)]))
      .openapi({ description: 'A mapping of relationships to other node information.' }),
    metadata_template: z.string(),
    metadata_seperator: z
      .string()
      .openapi({ description: 'Separator between metadata entries. Spelled as in LlamaCloud.' }),
    text: z.string().openapi({ description: 'Text content of the node.' }),
    mimetype: z.string().openapi({ description: 'MIME type of the node content.' }),
    start_char_idx: z.int().nullable().openapi({ description: 'Start char index of the node.' }),
    end_char_idx: z.int().nullable().openapi({ description: 'End char index of the node.' }),
    text_template: z.string(),
    class_name: z.string(),
  })
  .openapi('TextNode')

const TextNodeWithScore = z
  .object({ node: TextNode, score: z.number().nullable(), class_name: z.string() })
  .openapi('TextNodeWithScore')

const ReportBlock = z
  .object({
    idx: z.int().openapi({ description: 'The index of the block.' }),
    template: z.string().openapi({ description: 'The content of the block.' }),
    requires_human_review: z
      .boolean()
      .optional()
      .openapi({ description: 'Whether the block requires human review. Absent if the writer did not specify it.' }),
    sources: z.array(TextNodeWithScore).openapi({ description: 'The sources for the block.' }),
  })
  .openapi('ReportBlock')

const timestamp = z.iso.datetime().openapi({ description: 'The timestamp for the event.' })
const msg = z.string().openapi({ description: 'The message to display to the user.' })

const ProgressEvent = z
  .object({
    timestamp,
    id: z.uuid().openapi({ description: 'The ID of the event.' }),
    group_id: z.uuid().openapi({ description: 'The ID of the group this event belongs to.' }),
    type: z.literal('progress'),
    variant: z.enum(['load_template', 'extract_plan', 'summarize', 'file_processing', 'generate_block', 'editing']),
    msg,
    progress: z.number().min(0).max(1).nullable().openapi({ description: 'Progress value between 0-1 if available.' }),
    status: z
      .enum(['pending', 'in_progress', 'completed', 'error'])
      .openapi({ description: 'Current status of the operation.' }),
    extra_detail: z
      .record(z.string(), z.unknown())
      .nullable()
      .openapi({ description: 'Any extra details to display to the user.' }),
  })
  .openapi('ProgressEvent', { description: 'Event for tracking progress of operations in workflows.' })

const ReportUpdateEvent = z
  .object({ timestamp, type: z.literal('report_block_update'), msg, block: ReportBlock })
  .openapi('ReportUpdateEvent', { description: 'Event for updating the state of an report.' })

const ReportStateEvent = z
  .object({
    timestamp,
    type: z.literal('report_state_update'),
    msg,
    status: z
      .enum(['pending', 'planning', 'waiting_approval', 'generating', 'completed', 'error'])
      .openapi({ description: 'The new state of the report.' }),
  })
  .openapi('ReportStateEvent', { description: "Event for notifying when an report's state changes." })

export const ReportEventItem = z
  .object({
    id: z.uuid().openapi({ description: 'The id of the event.' }),
    report_id: z.uuid().openapi({ description: 'The id of the report.' }),
    event_type: z.string().openapi({ description: 'The type of the event: the `type` of its data.' }),
    event_data: z
      .union([ProgressEvent, ReportUpdateEvent, ReportStateEvent])
      .openapi({ description: 'The data for the event.' }),
    timestamp,
  })
  .openapi('ReportEventItem')
