import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import type { Authenticate } from './auth/authenticate.ts'
import { bearerKey } from './auth/credentials.ts'
import type { Viewer } from './auth/viewer.ts'
import type { DoorContext } from './context.ts'
import { callerOf } from './rate/caller.ts'
import type { RequestRate } from './rate/request-rate.ts'

/** Answers 429 to who asks `/graphql` too often over HTTP, before the body is read. */
export function useRequestRate(rate: RequestRate, authenticate: Authenticate): Plugin<DoorContext> {
  return {
    async onRequest({ request, serverContext, fetchAPI, endResponse }) {
      // A browser's question, which carries no key.
      if (request.method === 'OPTIONS') return
      const context = serverContext as { req?: IncomingMessage; viewer?: Viewer }
      // When the database fails, the pipeline finds that out again, and says so.
      context.viewer = await authenticate(bearerKey(request.headers.get('authorization'))).catch(() => undefined)
      const caller = callerOf(context.viewer ?? { type: 'anonymous' }, context.req?.socket.remoteAddress)
      const refusal = await rate.count(caller)
      if (!refusal) return
      const { message, code, retryAfter } = refusal
      endResponse(
        fetchAPI.Response.json(
          { errors: [{ message, extensions: { code, retryAfter } }] },
          { status: 429, headers: { 'retry-after': String(retryAfter) } },
        ),
      )
    },
  }
}
