import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Lets a client send such a body; a web page would need a CORS preflight to set it. */
const HEADER = 'x-graphql-yoga-csrf'

const ADVICE = `Send application/json, or add the header ${HEADER}.`
const MESSAGE = `A request body of this type could be a cross-site request. ${ADVICE}`

/**
 * Rejects POST bodies that any web page may send without a preflight: forms, plain text, and those of no type.
 * Matters where a proxy adds the key or only the network protects; by GET, a page can neither change nor read anything.
 */
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
