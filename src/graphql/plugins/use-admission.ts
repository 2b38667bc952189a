import type { Plugin } from 'graphql-yoga'
import type { RequestContext } from '../../schema/context.ts'
import type { ServerContext } from '../request-context.ts'

/** Responds to requests over HTTP that were not admitted, before their bodies are read. */
export function useAdmission(): Plugin<RequestContext, ServerContext> {
  return {
    onRequest({ serverContext, fetchAPI, endResponse }) {
      const { error } = serverContext
      if (!error) return
      const { message, code, status, retryAfter } = error
      endResponse(
        fetchAPI.Response.json(
          { errors: [{ message, extensions: { code, retryAfter } }] },
          { status, headers: { 'retry-after': String(retryAfter) } },
        ),
      )
    },
  }
}
