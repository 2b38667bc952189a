import { type DocumentNode, type ExecutionResult, type GraphQLError, getOperationAST } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Call } from '../../lib/call.ts'
import type { ServerContext } from '../../schema/context.ts'
import type { MaskError } from '../mask-error.ts'

const NAME_LENGTH = 100

/** Records each call's outcome and masks its errors with its ids; Yoga masks earlier failures and results of events. */
export function useCallReport(maskError: MaskError): Plugin<ServerContext> {
  const masked = ({ errors, ...result }: ExecutionResult, call: Call | undefined): ExecutionResult => ({
    ...result,
    errors: errors?.map((error) => maskError(error, MESSAGE, call) as GraphQLError),
  })
  return {
    onPluginInit({ registerContextErrorHandler }) {
      registerContextErrorHandler(({ context, error, setError }) => {
        setError(maskError(error, MESSAGE, (context as ServerContext).call))
      })
    },
    onExecute({ args: { document, operationName, contextValue } }) {
      const { call } = contextValue
      if (call) call.operation = nameOf(document, operationName)
      return {
        onExecuteDone({ result, setResult }) {
          if (!isAsyncIterable(result) && result.errors) setResult(masked(result, call))
        },
      }
    },
    onSubscribe({ args: { document, operationName, contextValue } }) {
      const { call } = contextValue
      if (call) call.operation = nameOf(document, operationName)
      return {
        onSubscribeResult({ result, setResult }) {
          if (!isAsyncIterable(result) && result.errors) setResult(masked(result, call))
        },
        onSubscribeError: ({ error, setError }) => setError(maskError(error, MESSAGE, call)),
      }
    },
    onResultProcess({ result, serverContext }) {
      const { call } = serverContext as ServerContext
      if (!isAsyncIterable(result)) call?.note((result as ExecutionResult).errors)
    },
  }
}

const MESSAGE = 'Unexpected error.'

function nameOf(document: DocumentNode, operationName: string | null | undefined): string | undefined {
  const operation = getOperationAST(document, operationName)
  return operation
    ? [operation.operation, operation.name?.value].filter(Boolean).join(' ').slice(0, NAME_LENGTH)
    : undefined
}
