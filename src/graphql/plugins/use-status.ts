import { type ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga'
import { isTemporary } from '../../errors.ts'
import { LongResult } from '../../lib/budget/long-result.ts'
import { statusOf } from '../http-error.ts'
import type { ServerContext } from '../request-context.ts'

/** Without data, the status of the first error for GraphQL's media type, else 200; temporary failures have theirs. */
export function useStatus(): Plugin<object, ServerContext> {
  return {
    onResultProcess({ result, resultProcessor, setResult, setResultProcessor, serverContext: { call } }) {
      if (isAsyncIterable(result) || Array.isArray(result) || !resultProcessor) return
      const { errors, ...rest } = result as ExecutionResult
      const [first, ...others] = errors ?? []
      if (!first) return
      const executed = 'data' in rest
      const temporary = isTemporary(first.extensions.code) && (!executed || (call?.isQuery && hasFailed(result)))
      // Events of server-sent events carry their errors, and clients read them only with 200.
      if (!temporary && (executed || resultProcessor !== processRegularResult)) return
      // The end of an event stream would be a success.
      if (resultProcessor !== processRegularResult) setResultProcessor(processRegularResult, 'application/json')
      if (errors?.some(({ extensions }) => extensions.http)) return
      setResult({ ...rest, errors: [withStatus(first, !temporary), ...others] })
    },
  }
}

/** Whether nothing was read, for temporary reasons only. A field that is null without an error is a result. */
function hasFailed(result: ExecutionResult): boolean {
  if (result instanceof LongResult) return false
  const { data, errors = [] } = result
  const failed = new Set(errors.map(({ path }) => path?.[0]))
  return (
    errors.every(({ extensions }) => isTemporary(extensions.code)) &&
    Object.entries(data ?? {}).every(([field, value]) => value === null && failed.has(field))
  )
}

/** @param spec for clients that accept GraphQL's media type only. */
function withStatus(error: GraphQLError, spec: boolean): GraphQLError {
  const { message, nodes, source, positions, path, originalError, extensions } = error
  const where = { nodes, source, positions, path, originalError }
  const { code, retryAfter } = extensions
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  const http = { spec, status: statusOf(code), headers }
  return new GraphQLError(message, { ...where, extensions: { ...extensions, http } })
}
