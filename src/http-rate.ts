import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import { bearerKey } from './auth/credentials.ts'
import type { Viewer } from './auth/viewer.ts'
import type { DoorContext } from './context.ts'
import type { Admit } from './rate/admission.ts'

/** Answers 429 to who asks `/graphql` too often over HTTP, before the body is read. */
export function useRequestRate(admit: Admit): Plugin<DoorContext> {
  return {
    async onRequest({ request, serverContext, fetchAPI, endResponse }) {
      // A browser's question, which carries no key.
      if (request.method === 'OPTIONS') return
      const context = serverContext as { req?: IncomingMessage; viewer?: Viewer }
      const key = bearerKey(request.headers.get('authorization'))
      // When the database fails, the pipeline finds that out again, and says so.
      const admitted = await admit(key, context.req?.socket.remoteAddress).catch(() => undefined)
      context.viewer = admitted?.viewer
      const refusal = admitted?.refusal
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
