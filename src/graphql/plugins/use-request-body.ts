import type { IncomingMessage } from 'node:http'
import { GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { ReadRequestBody } from '../request-body.ts'
import type { Begun, ServerContext } from '../request-context.ts'

/** Reads bodies within limits, but for those that the transport has read. */
export function useRequestBody(read: ReadRequestBody): Plugin<object, ServerContext> {
  return {
    onRequestParse({ request, requestParser, setRequestParser, serverContext, fetchAPI }) {
      if (request.method !== 'POST') return
      if (!requestParser) throw unsupported(TYPE)
      const { begun } = serverContext
      if (begun?.params) return setRequestParser(() => paramsOf(begun))
      setRequestParser(async ({ url, method, headers }) => {
        const encoding = headers.get('content-encoding') ?? 'identity'
        if (encoding.toLowerCase() !== 'identity') throw unsupported(compressed(encoding))
        const { bytes, holding } = await (begun?.body ?? read(serverContext.req as IncomingMessage, serverContext))
        try {
          return withoutEmptyName(
            await requestParser(new fetchAPI.Request(url, { method, headers, body: bytes as Uint8Array<ArrayBuffer> })),
          )
        } finally {
          holding.release()
        }
      })
    },
  }
}

function paramsOf({ params, thrown }: Begun): GraphQLParams {
  if (thrown) throw thrown.error
  return params as GraphQLParams
}

/** As in an address, where Yoga takes an empty name for none. */
export function withoutEmptyName<Params>(params: Params): Params {
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
