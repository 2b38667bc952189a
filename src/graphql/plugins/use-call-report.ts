import type { ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Call } from '../../lib/call.ts'
import type { RequestContext } from '../../schema/context.ts'
import { type MaskError, UNEXPECTED } from '../mask-error.ts'
import type { ServerContext } from '../request-context.ts'

/** Records each call's outcome and masks its errors with its ids; Yoga masks earlier failures and results of events. */
export function useCallReport(maskError: MaskError): Plugin<RequestContext, ServerContext> {
  const masked = ({ errors, ...result }: ExecutionResult, call: Call | undefined): ExecutionResult => ({
    ...result,
    errors: errors?.map((error) => maskError(error, UNEXPECTED, call) as GraphQLError),
  })
  return {
    onPluginInit({ registerContextErrorHandler }) {
      registerContextErrorHandler(({ context, error, setError }) => {
        setError(maskError(error, UNEXPECTED, (context as unknown as RequestContext).call))
      })
    },
    onExecute({ args: { document, operationName, contextValue } }) {
      const { call } = contextValue
      call?.began(document, operationName)
      return {
        onExecuteDone({ result, setResult }) {
          if (!isAsyncIterable(result) && result.errors) setResult(masked(result, call))
        },
      }
    },
    onSubscribe({ args: { document, operationName, contextValue } }) {
      const { call } = contextValue
      call?.began(document, operationName)
      return {
        onSubscribeResult({ result, setResult }) {
          if (!isAsyncIterable(result) && result.errors) setResult(masked(result, call))
        },
      }
    },
    onResultProcess({ result, serverContext: { call } }) {
      if (!isAsyncIterable(result)) call?.note((result as ExecutionResult).errors)
    },
  }
}
