import { z } from '@hono/zod-openapi'

/** What the OpenAPI document says of entity tags: the header of responses, that of requests, and 304. */
export const ETAG = {
  ETag: {
    description: 'Entity tag of the response, which changes with its content. Absent from server-sent events.',
    schema: { type: 'string' as const },
  },
}

export const IF_NONE_MATCH = z.string().optional().openapi({
  description: 'The ETag of an earlier response to the same request, or several. The response is 304 if it is current.',
  example: 'W/"o7Vp3RLZvFSkS88w7G8_42"',
})

export const NOT_MODIFIED = 'The entity tag in If-None-Match is current: nothing has changed. The body is empty.'
