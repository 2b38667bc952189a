import { createComplexityRule } from '@pothos/plugin-complexity'
import { GraphQLError, getOperationAST, validate } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { RateLimit } from '../../accounts/rate-limit.ts'
import type { Limits } from '../../lib/limits.ts'
import type { RequestContext } from '../../schema/context.ts'
import { toHttpError } from '../http-error.ts'
import { checkVariables } from './use-variable-limit.ts'

/** A subscription pays its cost for each event, so its limit is divided by this. */
const PER_EVENT = 50

const LIMITS = new Set<unknown>(['QUERY_COMPLEXITY', 'QUERY_DEPTH'])

/** An operation counts as one more request for each this many values that it may return. */
const VALUES_A_REQUEST = 10_000

/** Rejects, before the context is built, what is too deep or costly; uncached, as variables set list lengths. */
export function useCostLimit({ depth, cost }: Limits, rate: RateLimit): Plugin<RequestContext & YogaInitialContext> {
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
        const variableValues = variables ?? {}
        checkVariables(schema, operation, variableValues)
        const rule = createComplexityRule({
          context,
          variableValues,
          operationName,
          maxDepth: depth,
          maxComplexity: operation.operation === 'subscription' ? Math.ceil(cost / PER_EVENT) : cost,
          onResult: ({ complexity }) => void weights.set(context, Math.floor(complexity / VALUES_A_REQUEST)),
        })
        // Thrown, because a result that is set here would be cached with the document.
        const error = validate(schema, documentAST, [rule]).find(({ extensions }) => LIMITS.has(extensions.code))
        if (error) throw overLimit(error)
      }
    },
    async onContextBuilding({ context }) {
      const weight = weights.get(context) ?? 0
      const error = weight > 0 && (await rate.count(context.caller, weight))
      if (error) throw toHttpError(error)
    },
  }
}

function overLimit({ message, nodes }: GraphQLError): GraphQLError {
  return new GraphQLError(message, {
    nodes,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}
