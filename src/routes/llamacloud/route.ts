import { createRoute, z } from '@hono/zod-openapi'
import { ReportPath, ReportQuery } from './query.ts'
import { refTo } from './schema.ts'

const ValidationError = z
  .object({
    type: z.string(),
    loc: z.array(z.union([z.string(), z.int()])).openapi({ description: 'Where: `path` or `query`, then the name.' }),
    msg: z.string(),
    input: z.unknown().openapi({ description: 'What was sent.' }),
    ctx: z.object({ error: z.string() }).optional(),
  })
  .openapi('ValidationError')

const HTTPValidationError = z.object({ detail: z.array(ValidationError) }).openapi('HTTPValidationError')

const HTTPError = z.object({ detail: z.string() }).openapi('HTTPError', { example: { detail: 'Report not found' } })

function failure(description: string, schema: typeof HTTPError | typeof HTTPValidationError = HTTPError) {
  return { description, content: { 'application/json': { schema } } }
}

export const LLAMACLOUD_ROUTE = createRoute({
  method: 'get',
  path: '/api/v1/reports/{report_id}/events',
  operationId: 'get_report_events_api_v1_reports__report_id__events_get',
  tags: ['Reports'],
  summary: 'Get Report Events',
  description: 'Get all historical events for a report, oldest first.',
  security: [{ HTTPBearer: [] }, { Session: [] }],
  request: { params: ReportPath, query: ReportQuery },
  responses: {
    200: {
      description:
        'All events that match. There are no pages. A caller that accepts text/event-stream gets them as server-sent events instead, and then those that come, until the report ends: the same items, each with a cursor as its id, from which Last-Event-ID resumes.',
      content: {
        'application/json': { schema: { type: 'array', items: { $ref: refTo('ReportEventItem') } } },
        'text/event-stream': { schema: z.string() },
      },
    },
    204: {
      description:
        'To a caller that accepts text/event-stream and comes back with the last event of a report that has ended.',
    },
    401: failure('No key, or no valid one. Wins over everything below.'),
    404: failure('No such report, none that this key may read, or not one of this project or organization.'),
    405: failure('Any method but GET.'),
    422: failure('Parameters that are not what they should be, all of them.', HTTPValidationError),
    429: failure(
      'The key, or the address of a caller without one, asks too often: Retry-After says when to try again. Or the key has too many streams open.',
    ),
    500: failure('The server failed. The detail says no more.'),
  },
})
