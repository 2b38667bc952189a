import { createRoute, type RouteConfig, z } from '@hono/zod-openapi'
import { ErrorResponseBody, EventReturn, GetEventsData } from './schema.ts'

const headers = z.object({
  'TR-Dataset': z.string().openapi({
    description: 'The id or the tracking id of the dataset. A value that is a UUID is an id.',
    example: 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3',
  }),
  'x-dataset': z.string().optional().openapi({ description: 'Looked at when there is no TR-Dataset.' }),
  'TR-Organization': z.string().optional().openapi({
    description: 'The id of the organization, a UUID. Needed with a tracking id, ignored with an id.',
  }),
  'x-organization': z.string().optional().openapi({ description: 'Looked at when there is no TR-Organization.' }),
  'X-API-Version': z.string().optional().openapi({
    description: '`1.0` or `2.0`, also as `V1`, `v1`, `V2`, `v2`. The reply carries it; nothing else depends on it.',
  }),
})

const version = {
  'X-API-Version': {
    description: '`1.0` when the request asked for it, else `2.0`. Absent where the dataset was not known.',
    schema: { type: 'string' as const, enum: ['1.0', '2.0'] },
  },
}

function failure(description: string, headers?: typeof version) {
  return { description, headers, content: { 'application/json': { schema: ErrorResponseBody } } }
}

const route = {
  method: 'post',
  tags: ['Dataset'],
  summary: 'Get events for the dataset',
  description: 'Get a page of the events of the dataset that the TR-Dataset header names, newest first.',
  // The key alone or after `Bearer `; x-api-key counts only without Authorization.
  security: [{ ApiKey: [] }, { XApiKey: [] }] as Record<string, string[]>[],
  request: {
    headers,
    body: {
      description: 'Which page of which events. `{}` is the first page of all.',
      required: true,
      content: { 'application/json': { schema: GetEventsData } },
    },
  },
  responses: {
    200: {
      description: 'A page of events. One past the last is empty.',
      headers: version,
      content: { 'application/json': { schema: EventReturn } },
    },
    400: failure(
      'No dataset, a tracking id without its organization, a body that is not what it should be, or a page that there cannot be.',
      version,
    ),
    401: failure('No valid key, or one that may not read this dataset.', version),
    404: failure('No such dataset or organization. Callers without a key learn this, too.'),
    405: { description: 'Any method but POST. The body is empty.' },
    429: failure(
      'The key, or the address of a caller without one, asks too often. Retry-After says when to try again.',
    ),
    500: failure('The server failed. The message says no more.'),
  },
} satisfies Omit<RouteConfig, 'path'>

export const TRIEVE_ROUTES = [
  createRoute({ ...route, path: '/api/dataset/events', operationId: 'get_events' }),
  createRoute({
    ...route,
    path: '/api/events',
    operationId: 'get_events_alias',
    deprecated: true,
    description: `${route.description} The path that Trieve had before October 2024.`,
  }),
] as const
