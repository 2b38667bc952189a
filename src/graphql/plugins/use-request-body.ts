import type { IncomingMessage } from 'node:http'
import { GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import { CodedError } from '../../errors.ts'
import type { MemoryBudget } from '../../lib/budget/memory-budget.ts'
import { readBody } from '../../lib/read-body.ts'
import { ByteLimitError } from '../../lib/read-bytes.ts'
import { toHttpError } from '../http-error.ts'
import type { ServerContext } from '../request-context.ts'

/** Body limit without a valid key, in bytes: enough for introspection, all that such a caller may run. */
const MAX_ANONYMOUS_BYTES = 16_384

/** Reads bodies up to a limit, charged to the caller's memory budget until parsed. */
export function useRequestBody(most: number, memory: MemoryBudget): Plugin<object, ServerContext> {
  return {
    onRequestParse({ request, requestParser, setRequestParser, serverContext, fetchAPI }) {
      if (request.method !== 'POST') return
      if (!requestParser) throw unsupported(TYPE)
      const { viewer, caller } = serverContext
      const req = serverContext.req as IncomingMessage
      const anonymous = viewer.type === 'anonymous'
      const limit = anonymous ? Math.min(MAX_ANONYMOUS_BYTES, most) : most
      setRequestParser(async ({ url, method, headers }) => {
        const encoding = headers.get('content-encoding') ?? 'identity'
        if (encoding.toLowerCase() !== 'identity') throw unsupported(compressed(encoding))
        const holding = memory.open(caller)
        try {
          const body = await readBody(req, limit, holding)
          return withoutEmptyName(
            await requestParser(new fetchAPI.Request(url, { method, headers, body: body as Uint8Array<ArrayBuffer> })),
          )
        } catch (error) {
          if (error instanceof ByteLimitError) throw tooLarge(exceeds(limit, anonymous))
          if (!(error instanceof CodedError)) throw error
          throw error.code === 'BAD_USER_INPUT' ? tooLarge(error.message) : toHttpError(error)
        } finally {
          holding.release()
        }
      })
    },
  }
}

// As in an address, where Yoga takes an empty name for none.
function withoutEmptyName<Params>(params: Params): Params {
  const { operationName } = (params ?? {}) as GraphQLParams
  return operationName === '' ? { ...params, operationName: undefined } : params
}

const TYPE = 'Request bodies of this content-type are not supported. Send application/json.'

function compressed(encoding: string): string {
  return `Request bodies with content-encoding ${encoding} are not supported. Send the body uncompressed.`
}

function unsupported(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 415 } } })
}

function exceeds(limit: number, anonymous: boolean): string {
  return `Request body exceeds ${limit} bytes, the limit ${anonymous ? 'without a valid API key' : 'of this server'}.`
}

// Also for a body that fits the limit of bodies, and not the memory that a caller can use.
function tooLarge(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'REQUEST_ENTITY_TOO_LARGE', http: { status: 413 } } })
}
