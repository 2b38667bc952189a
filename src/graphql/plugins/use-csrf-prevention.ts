import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** What a client sends that has to send such a body, and for which a page would have to ask. */
const HEADER = 'x-graphql-yoga-csrf'

const REFUSAL = `A body of this type is refused, because any web page may send one. Send JSON, or the header ${HEADER}.`

/**
 * Refuses operations in the bodies that every web page may send anywhere without asking first: forms, plain text, and those of no
 * type. Keys come in a header, which no page can make a browser add; but a proxy may add one, and a network may be all the
 * protection that a server has. GET goes on without: nothing is changed by it, and a foreign page cannot read the answer.
 */
export function useCsrfPrevention(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: [HEADER] })
  return {
    onRequestParse(payload) {
      if (payload.request.method !== 'POST') return undefined
      try {
        return onRequestParse?.(payload)
      } catch {
        throw new GraphQLError(REFUSAL, { extensions: { code: 'BAD_REQUEST', http: { status: 403 } } })
      }
    },
  }
}
