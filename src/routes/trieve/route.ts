import { createRoute, type RouteConfig, z } from '@hono/zod-openapi'
import { ETAG, IF_NONE_MATCH, NOT_MODIFIED } from '../etag-schema.ts'
import { ErrorResponseBody, EventReturn, GetEventsData } from './schema.ts'

const headers = z.object({
  'TR-Dataset': z.string().openapi({
    description: 'Id or tracking id of the dataset. A UUID is an id.',
    example: 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3',
  }),
  'x-dataset': z.string().optional().openapi({ description: 'Used if TR-Dataset is absent.' }),
  'TR-Organization': z.string().optional().openapi({
    description: 'Id of the organization, a UUID. Required with a tracking id, ignored with an id.',
  }),
  'x-organization': z.string().optional().openapi({ description: 'Used if TR-Organization is absent.' }),
  'X-API-Version': z.string().optional().openapi({
    description: '`1.0` or `2.0`, also written `V1`, `v1`, `V2`, `v2`. Echoed in the response; it has no other effect.',
  }),
  'If-None-Match': IF_NONE_MATCH,
})

const version = {
  'X-API-Version': {
    description: '`1.0` if the request asked for it, else `2.0`. Absent if the dataset was not resolved.',
    schema: { type: 'string' as const, enum: ['1.0', '2.0'] },
  },
}

const found = { ...version, ...ETAG }

function failure(description: string, headers?: typeof version) {
  return { description, headers, content: { 'application/json': { schema: ErrorResponseBody } } }
}

const route = {
  method: 'post',
  tags: ['Dataset'],
  summary: 'Get events for the dataset',
  description: 'Get a page of events of the dataset in the TR-Dataset header, newest first.',
  // The key alone or after `Bearer `; x-api-key counts only without Authorization.
  security: [{ ApiKey: [] }, { XApiKey: [] }] as Record<string, string[]>[],
  request: {
    headers,
    body: {
      description: 'Page and filter. `{}` selects the first page of all events.',
      required: true,
      content: { 'application/json': { schema: GetEventsData } },
    },
  },
  responses: {
    200: {
      description: 'A page of events. Empty after the last page.',
      headers: found,
      content: { 'application/json': { schema: EventReturn } },
    },
    304: { description: NOT_MODIFIED, headers: found },
    400: failure('Missing dataset, tracking id without organization, invalid body, or invalid page.', version),
    401: failure('No valid API key, or a key without access to this dataset.', version),
    404: failure('Dataset or organization not found. Also returned to callers without a key.'),
    405: { description: 'Method other than POST. The body is empty.' },
    429: failure(
      'Too many requests of the key, or of the address without a key. Retry-After contains the seconds to wait.',
    ),
    500: failure('Internal error, without details.'),
    503: failure('The database is unavailable. Retry-After contains the seconds to wait.'),
  },
} satisfies Omit<RouteConfig, 'path'>

export const TRIEVE_ROUTES = [
  createRoute({ ...route, path: '/api/dataset/events', operationId: 'get_events' }),
  createRoute({
    ...route,
    path: '/api/events',
    operationId: 'get_events_alias',
    deprecated: true,
    description: `${route.description} This path was used by Trieve before October 2024.`,
  }),
] as const
