import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Lets a client send such a body; a web page would need a CORS preflight to set it. */
const HEADER = 'x-graphql-yoga-csrf'

const ADVICE = `Send application/json, or add the header ${HEADER}.`
const MESSAGE = `A request body of this type could be a cross-site request. ${ADVICE}`

/** Rejects bodies that pages can post without a preflight: a proxy may add the key. A GET can change nothing. */
export function useCsrfPrevention(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: [HEADER] })
  return {
    onRequestParse(payload) {
      if (payload.request.method !== 'POST') return undefined
      try {
        return onRequestParse?.(payload)
      } catch {
        throw new GraphQLError(MESSAGE, { extensions: { code: 'BAD_REQUEST', http: { status: 403 } } })
      }
    },
  }
}
