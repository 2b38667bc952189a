import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { incoming, outgoing } from './admit.ts'
import { type Exchange, JSON_TYPE, type Reply } from './reply.ts'

/** A hono handler that leaves the response to code for Node's requests, with the headers that middleware has set. */
export function answerWith(answer: (exchange: Exchange, c: Context) => Promise<void>) {
  return async (c: Context): Promise<Response> => {
    const added = Object.fromEntries(c.res.headers)
    await answer({ request: incoming(c), response: outgoing(c), added }, c)
    return RESPONSE_ALREADY_SENT
  }
}

/** A response with a body. */
export function toResponse(c: Context, { status, headers, text }: Reply): Response {
  return c.body(text ?? '', status as ContentfulStatusCode, { ...JSON_TYPE, ...headers })
}
