import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import type { Admit, Admitted } from '../../accounts/admission.ts'
import { bearerKey } from '../../accounts/bearer-key.ts'
import type { AddressOf } from '../../lib/client-address.ts'

/** Finds out who calls `/graphql` over HTTP, before the body is read, and refuses who asks too often. */
export function useAdmission(admit: Admit, addressOf: AddressOf): Plugin {
  return {
    async onRequest({ request, serverContext, fetchAPI, endResponse }) {
      // A browser's question, which carries no key.
      if (request.method === 'OPTIONS') return
      const context = serverContext as unknown as { req: IncomingMessage } & Partial<Admitted>
      const key = bearerKey(request.headers.get('authorization'))
      const { viewer, caller, refusal } = await admit(key, addressOf(context.req))
      Object.assign(context, { viewer, caller })
      if (!refusal) return
      const { message, code, status, retryAfter } = refusal
      endResponse(
        fetchAPI.Response.json(
          { errors: [{ message, extensions: { code, retryAfter } }] },
          { status, headers: { 'retry-after': String(retryAfter) } },
        ),
      )
    },
  }
}
