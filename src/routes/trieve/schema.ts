import { z } from '@hono/zod-openapi'
import { type DocumentedType, WORKER_EVENT_TYPES } from '../../log/worker-event-type.ts'

// JSON numbers are doubles: values just below 2^63 arrive as 2^63 and are rejected with it.
const isInt64 = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63

const int64 = z
  .number()
  .refine(isInt64, 'expected a 64-bit integer')
  .openapi({ type: ['integer', 'null'], format: 'int64' })
  .nullish()

const EventTypeRequest = z
  .enum(Object.keys(WORKER_EVENT_TYPES) as [DocumentedType, ...DocumentedType[]])
  .openapi('EventTypeRequest', { description: 'Event type, as used in requests.' })

/** Unknown members are ignored, including `type` of the upstream's own example. */
export const GetEventsData = z
  .object({
    event_types: z
      .array(EventTypeRequest)
      .nullish()
      .openapi({ description: 'Event types to return. All if omitted, null or empty.' }),
    page: int64.openapi({ description: 'Page number, from 1. Defaults to 1.' }),
    page_size: int64.openapi({
      description:
        'Events per page, up to 10,000. Defaults to 10. 0 returns no events, and the maximum page_count if any match.',
    }),
  })
  .openapi('GetEventsData', { example: { page: 1, page_size: 10, event_types: ['file_uploaded'] } })

export type GetEventsData = z.infer<typeof GetEventsData>

const WorkerEvent = z
  .object({
    id: z.uuid(),
    created_at: z.string().openapi({ description: 'UTC time in the format `YYYY-MM-DD HH:MM:SS.mmm`.' }),
    dataset_id: z.uuid(),
    organization_id: z.uuid().nullable(),
    event_type: z.string().openapi({
      description:
        'Stored name of the event type: as in requests, except that qdrant_upload_failed is stored as ' +
        'qdrant_index_failed.',
    }),
    event_data: z.string().openapi({ description: 'Payload as JSON text, byte for byte as recorded.' }),
  })
  .openapi('WorkerEvent', {
    example: {
      id: 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3',
      created_at: '2021-01-01 00:00:00.000',
      dataset_id: 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3',
      organization_id: 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3',
      event_type: 'file_uploaded',
      event_data: '{"file_id":"e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3","file_name":"file.txt"}',
    },
  })

/** Clients expect the members in this order. */
export const EventReturn = z
  .object({
    events: z.array(WorkerEvent).openapi({ description: 'Events, newest first. Empty after the last page.' }),
    event_types: z.array(z.string()).openapi({
      description: 'Stored names of all event types in the dataset, regardless of filter and page, in byte order.',
    }),
    page_count: z.int32().openapi({
      type: 'integer',
      format: 'int32',
      description: 'Number of pages of events that match the filter, at most 2147483647.',
    }),
  })
  .openapi('EventReturn')

export type EventReturn = z.infer<typeof EventReturn>

export const ErrorResponseBody = z
  .object({ message: z.string() })
  .openapi('ErrorResponseBody', { example: { message: 'Unauthorized' } })
