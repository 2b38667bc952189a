import { createRoute, z } from '@hono/zod-openapi'
import { ETAG, IF_NONE_MATCH, NOT_MODIFIED } from '../etag-schema.ts'
import { ReportPath, ReportQuery } from './query.ts'
import { refTo } from './schema.ts'

const ValidationError = z
  .object({
    type: z.string(),
    loc: z
      .array(z.union([z.string(), z.int()]))
      .openapi({ description: 'Location of the error: `path` or `query`, then the name of the parameter.' }),
    msg: z.string(),
    input: z.unknown().openapi({ description: 'The value received.' }),
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
  request: { params: ReportPath, query: ReportQuery, headers: z.object({ 'If-None-Match': IF_NONE_MATCH }) },
  responses: {
    200: {
      description:
        'All matching events, without pages. With "Accept: text/event-stream", the same items are sent as ' +
        'server-sent events, followed by new ones until the report ends. The id of each is a cursor, from which ' +
        'Last-Event-ID resumes.',
      headers: ETAG,
      content: {
        'application/json': { schema: { type: 'array', items: { $ref: refTo('ReportEventItem') } } },
        'text/event-stream': { schema: z.string() },
      },
    },
    204: {
      description: 'With "Accept: text/event-stream": the report has ended, and Last-Event-ID is its last event.',
    },
    304: { description: NOT_MODIFIED, headers: ETAG },
    401: failure('No valid API key. Takes precedence over the errors below.'),
    404: failure('Report not found, not accessible to this key, or not in this project or organization.'),
    405: failure('Method other than GET.'),
    422: failure('Invalid parameters, listed completely.', HTTPValidationError),
    429: failure(
      'Too many requests of the key, or of the address without a key: Retry-After contains the seconds to wait. Or ' +
        'too many open streams of the key.',
    ),
    500: failure('Internal error, without details.'),
    503: failure(
      'The database is unavailable: Retry-After contains the seconds to wait. Or, without Retry-After, the server ' +
        'has too little memory to read an event of the report.',
    ),
  },
})
