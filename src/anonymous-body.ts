import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { DoorContext } from './context.ts'
import { ByteLimitError, readBytes } from './read-bytes.ts'

/** The largest body of a caller without a valid key, in bytes: enough to ask for the schema, which is all that such a caller may. */
const MOST = 65_536

/** Answers 413 to who sends more than that without a valid key, before it is parsed. Needs the viewer that `useRequestRate` finds. */
export function useAnonymousBodyLimit(): Plugin {
  return {
    onRequestParse({ request, requestParser, setRequestParser, serverContext, fetchAPI }) {
      const { viewer } = serverContext as DoorContext
      if (viewer?.type !== 'anonymous' || !requestParser || !request.body) return
      setRequestParser(async (whole) => {
        const { url, method, headers } = whole
        return requestParser(new fetchAPI.Request(url, { method, headers, body: await read(whole) }))
      })
    },
  }
}

async function read(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readBytes(request, MOST))
  } catch (error) {
    if (!(error instanceof ByteLimitError)) throw error
    throw new GraphQLError(`Without a valid API key, a body may have ${MOST} bytes.`, {
      extensions: { code: 'REQUEST_ENTITY_TOO_LARGE', http: { status: 413 } },
    })
  }
}
