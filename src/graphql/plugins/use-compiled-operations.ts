import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { RequestContext } from '../../schema/context.ts'
import type { CompiledOperations } from '../compiled-operations.ts'

/** Notes the documents that pass all checks, so that they are compiled. */
export function useCompiledOperations(operations: CompiledOperations): Plugin<RequestContext & YogaInitialContext> {
  return {
    onExecute({ args: { document, contextValue } }) {
      const { trusted, viewer, params } = contextValue
      if (!trusted && viewer.type !== 'anonymous' && params.query) operations.learn(params.query, document)
    },
  }
}
