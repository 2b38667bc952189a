import { z } from 'zod'
import {
  BlockUpdateData,
  ProgressData,
  RelatedNode,
  ReportBlock,
  StateData,
  TextNode,
  TextNodeWithScore,
} from '../../log/report/report-data.ts'

// What is served: the stored data with LlamaCloud's `timestamp`, and of progress with an id and always a group.

const timestamp = z.iso.datetime().describe('The timestamp for the event.')

const ProgressEvent = z
  .object({
    timestamp,
    id: z.uuid().describe('The ID of the event.'),
    ...ProgressData.shape,
    group_id: z.uuid().describe('The ID of the group this event belongs to.'),
  })
  .describe('Event for tracking progress of operations in workflows.')

const ReportUpdateEvent = z
  .object({ timestamp, ...BlockUpdateData.shape })
  .describe('Event for updating the state of an report.')

const ReportStateEvent = z
  .object({ timestamp, ...StateData.shape })
  .describe("Event for notifying when an report's state changes.")

const ReportEventItem = z.object({
  id: z.uuid().describe('The id of the event.'),
  report_id: z.uuid().describe('The id of the report.'),
  event_type: z.string().describe('The type of the event: the `type` of its data.'),
  event_data: z.union([ProgressEvent, ReportUpdateEvent, ReportStateEvent]).describe('The data for the event.'),
  timestamp,
})

const names = z.registry<{ id: string }>()
for (const [id, schema] of Object.entries({
  RelatedNodeInfo: RelatedNode,
  TextNode,
  TextNodeWithScore,
  ReportBlock,
  ProgressEvent,
  ReportUpdateEvent,
  ReportStateEvent,
  ReportEventItem,
}))
  names.add(schema, { id })

const { schemas } = z.toJSONSchema(names, {
  io: 'output',
  uri: refTo,
  unrepresentable: 'any',
  override: ({ jsonSchema }) => {
    delete jsonSchema.default
    // A format says it; and clients need not reject members of a later version.
    if (jsonSchema.format) delete jsonSchema.pattern
    if (jsonSchema.properties) delete jsonSchema.additionalProperties
  },
})

/** The JSON Schemas of the OpenAPI document, by LlamaCloud's names. Members with a default are always served. */
export const LLAMACLOUD_SCHEMAS = Object.entries(schemas).map(
  ([name, { $schema, $id, ...schema }]) => [name, schema] as const,
)

export function refTo(name: string): string {
  return `#/components/schemas/${name}`
}
