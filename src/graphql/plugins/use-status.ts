import { type ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga'
import { statusOf } from '../http-error.ts'

/** Gives a result without data the status of its first error where a client accepts GraphQL's media type; else 200. */
export function useStatus(): Plugin {
  return {
    onResultProcess({ result, resultProcessor, setResult }) {
      // Events of server-sent events carry their errors, and clients read them only with 200.
      if (isAsyncIterable(result) || Array.isArray(result) || resultProcessor !== processRegularResult) return
      const { errors, ...rest } = result as ExecutionResult
      const [first, ...others] = errors ?? []
      if (!first || 'data' in rest || errors?.some(({ extensions }) => extensions.http)) return
      setResult({ ...rest, errors: [withStatus(first), ...others] })
    },
  }
}

function withStatus(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions, path, originalError, extensions } = error
  const where = { nodes, source, positions, path, originalError }
  const http = { spec: true, status: statusOf(extensions.code) }
  return new GraphQLError(message, { ...where, extensions: { ...extensions, http } })
}
