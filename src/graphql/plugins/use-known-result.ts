import type { ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { RequestContext } from '../../schema/context.ts'
import type { ServerContext } from '../request-context.ts'

/** Takes over a result that the transport has obtained from the pipeline already. The last of those with `onParams`. */
export function useKnownResult(): Plugin<RequestContext, ServerContext> {
  return {
    onParams({ context, setResult }) {
      const { begun } = context as unknown as ServerContext
      if (begun?.result) setResult(begun.result as ExecutionResult)
    },
  }
}
