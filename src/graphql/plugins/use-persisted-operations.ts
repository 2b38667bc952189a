import { GraphQLError } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { Context, RequestContext } from '../../schema/context.ts'
import type { PersistedOperations } from '../persisted-operations.ts'

/**
 * Finds the text of a hash. Yoga's plugins throw, which closes a WebSocket; one also keeps unparsed or empty text, one
 * lacks trusted documents.
 */
export function usePersistedOperations(
  operations: PersistedOperations,
): Plugin<Context & YogaInitialContext, RequestContext> {
  return {
    onParams({ params, context, setParams, setResult }) {
      if (context.trusted) return
      const text = operations.textOf(params, context.caller.tenant)
      const failed = text instanceof GraphQLError
      if (failed) setResult({ errors: [text] })
      // Yoga requires a text even when there is a result.
      setParams({ ...params, query: failed ? '' : text })
    },
    // Reached only by valid operations within the cost limit.
    onContextBuilding({ context: { caller, params } }) {
      operations.register(params, caller.tenant)
    },
  }
}
