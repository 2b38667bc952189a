import { getOperationAST } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { RateLimit } from '../../accounts/rate-limit.ts'
import type { RequestContext } from '../../schema/context.ts'
import { toHttpError } from '../http-error.ts'
import type { CostOf } from '../operation-cost.ts'
import { checkVariables } from './use-variable-limit.ts'

/** Rejects, before the context is built, what is too deep or costly for its variables. */
export function useCostLimit(costOf: CostOf, rate: RateLimit): Plugin<RequestContext & YogaInitialContext> {
  const weights = new WeakMap<object, number>()
  return {
    onValidate({ context, params: { schema, documentAST } }) {
      if (context.trusted) return
      return ({ valid }) => {
        if (!valid) return
        const { variables, operationName } = context.params
        const operation = getOperationAST(documentAST, operationName)
        // The executor rejects a missing operation, and checks nothing else.
        if (!operation) return
        checkVariables(schema, operation, variables ?? {})
        const { weight, error } = costOf(schema, documentAST, operation, variables ?? {})
        // Thrown, because a result that is set here would be cached with the document.
        if (error) throw error
        weights.set(context, weight)
      }
    },
    async onContextBuilding({ context }) {
      const weight = weights.get(context) ?? 0
      const error = weight > 0 && (await rate.count(context.caller, weight))
      if (error) throw toHttpError(error)
    },
  }
}
