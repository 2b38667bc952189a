import type { IncomingMessage, ServerResponse } from 'node:http'
import { type GraphQLParams, isAsyncIterable } from 'graphql-yoga'
import type { Identity } from '../accounts/admission.ts'
import type { CompiledOperations } from '../graphql/compiled-operations.ts'
import { withoutEmptyName } from '../graphql/plugins/use-request-body.ts'
import type { ReadRequestBody, RequestBody } from '../graphql/request-body.ts'
import type { Begun, ServerContext } from '../graphql/request-context.ts'
import type { Yoga } from '../graphql/yoga.ts'
import { isLong } from '../lib/budget/json-in-turns.ts'
import { LongResult } from '../lib/budget/long-result.ts'
import { PRIVATE } from '../lib/private-response.ts'
import { resultOf } from '../schema/compiled/compiled-operation.ts'
import { LongText, type Text, wholeText } from '../schema/compiled/text.ts'
import type { RequestContext } from '../schema/context.ts'

/** Media type of the response to an operation in a JSON body that needs nothing of Yoga's own adapter, or undefined. */
export function jsonTypeOf({ method, url, headers }: IncomingMessage): string | undefined {
  if (method !== 'POST' || url !== '/graphql' || headers.origin !== undefined) return undefined
  if (headers['content-encoding'] !== undefined || !JSON_BODY.test(headers['content-type'] ?? '')) return undefined
  const accepted = headers.accept?.split(', ') ?? ['*/*']
  return accepted.map((type) => TYPES.get(type)).find(Boolean)
}

const JSON_BODY = /^application\/json(?:; ?charset=utf-8)?$/i

// As Yoga's result processors choose: the first type that the client accepts, and JSON where it names none.
const TYPES: ReadonlyMap<string, string> = new Map([
  ['*/*', 'application/json'],
  ['application/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/graphql-response+json', 'application/graphql-response+json'],
])

/** Operations in JSON bodies, without Fetch's objects: they take longer than a small operation. */
export interface JsonOperations {
  /** Reads and parses a body. What is no operation is left to Yoga's adapter. */
  read(request: IncomingMessage, identity: Identity): Promise<Begun>
  /** Runs an operation and responds. @returns what Yoga goes on from, if it must respond. */
  respond(
    response: ServerResponse,
    context: RequestContext,
    type: string,
    params: GraphQLParams,
  ): Promise<Begun | undefined>
}

export function createJsonOperations(
  yoga: Yoga,
  compiled: CompiledOperations,
  readBody: ReadRequestBody,
): JsonOperations {
  return {
    read: async (request, identity) => {
      const body = readBody(request, identity)
      const params = await paramsIn(body)
      return params ? { params } : { body }
    },
    respond: async (response, context, type, params) => {
      const ran =
        (await runCompiled(compiled, params, context)) ?? (await run(yoga, params, { ...context, req: response.req }))
      const text = 'text' in ran ? ran.text : textOf(ran, context)
      if (text === undefined) return { params, ...ran }
      context.call?.note(undefined)
      if (!response.destroyed) send(response, text, type)
      return undefined
    },
  }
}

type Ran = Pick<Begun, 'result' | 'thrown'>

async function runCompiled(
  compiled: CompiledOperations,
  params: GraphQLParams,
  context: RequestContext,
): Promise<Ran | { readonly text: string } | undefined> {
  try {
    const written = await compiled.run(params, context)
    if (!written) return undefined
    if ('text' in written)
      return isLong(context.budget)
        ? { result: new LongResult(piecesOf(written.text)) }
        : { text: wholeText(written.text) }
    if (!isLong(context.budget)) return { result: resultOf(written) }
    const { data, errors } = written
    const pieces = ['{"data":', ...piecesOf(data), `,"errors":${JSON.stringify(errors)}}`]
    return { result: new LongResult(pieces, errors) }
  } catch (error) {
    return { thrown: { error } }
  }
}

function piecesOf(text: Text): readonly string[] {
  return (typeof text === 'string' ? LongText.of(text) : text).pieces
}

function textOf({ result }: Ran, { budget }: RequestContext): string | undefined {
  return result && isOrdinary(result) && !isLong(budget) ? JSON.stringify(result) : undefined
}

// The memory of a body that is no operation is released by the adapter, which answers with the error.
async function paramsIn(body: Promise<RequestBody>): Promise<GraphQLParams | undefined> {
  try {
    const { bytes, holding } = await body
    const params: unknown = JSON.parse(bytes.toString())
    if (typeof params !== 'object' || params === null || Array.isArray(params)) return undefined
    holding.release()
    return withoutEmptyName(params as GraphQLParams)
  } catch {
    return undefined
  }
}

// Yoga and the plugins read no more of a request than this.
async function run(yoga: Yoga, params: GraphQLParams, context: ServerContext): Promise<Ran> {
  const request = { method: 'POST', headers: context.req?.headers } as unknown as Request
  try {
    return { result: (await yoga.getResultForParams({ params, request }, context)) as Begun['result'] }
  } catch (error) {
    return { thrown: { error } }
  }
}

function isOrdinary(result: NonNullable<Begun['result']>): boolean {
  return !isAsyncIterable(result) && 'data' in result && !result.errors && !result.extensions
}

function send(response: ServerResponse, text: string, type: string): void {
  const headers = { ...PRIVATE, 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(text) }
  response.writeHead(200, headers).end(text)
}
