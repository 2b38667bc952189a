import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import type { Admit, Admitted } from '../../accounts/admission.ts'
import { bearerKey } from '../../accounts/bearer-key.ts'
import type { AddressOf } from '../../lib/client-address.ts'

/** Resolves the caller of `/graphql` over HTTP before the body is read, and applies the rate limit. */
export function useAdmission(admit: Admit, addressOf: AddressOf): Plugin {
  return {
    async onRequest({ request, serverContext, fetchAPI, endResponse }) {
      // A CORS preflight carries no key.
      if (request.method === 'OPTIONS') return
      const context = serverContext as unknown as { req: IncomingMessage } & Partial<Admitted>
      const key = bearerKey(request.headers.get('authorization'))
      const { viewer, caller, error } = await admit(key, addressOf(context.req))
      Object.assign(context, { viewer, caller })
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
