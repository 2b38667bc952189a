import { createComplexityRule } from '@pothos/plugin-complexity'
import { GraphQLError, getOperationAST, validate } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { RequestRate } from '../../accounts/rate-limit.ts'
import type { Limits } from '../../lib/limits.ts'
import type { Context, DoorContext } from '../../schema/context.ts'
import { httpRefusal } from '../http-refusal.ts'
import { checkVariables } from './use-variable-limit.ts'

/** A subscription gives what it costs for each event, so it may cost this part of what another operation may. */
const PER_EVENT = 50

const LIMITS = new Set<unknown>(['QUERY_COMPLEXITY', 'QUERY_DEPTH'])

/** An operation counts as one more request for so many values that it may give. */
const VALUES_A_REQUEST = 10_000

/**
 * Refuses operations that are too deep or would give too much, before anybody is asked who calls. It looks at valid
 * documents only, and each time, because variables say how long lists are; what is valid at all is remembered by the
 * document. What is dear counts as several requests.
 */
export function useCostLimit({ depth, cost }: Limits, rate: RequestRate): Plugin<DoorContext & YogaInitialContext> {
  const weights = new WeakMap<object, number>()
  return {
    onValidate({ context, params: { schema, documentAST } }) {
      if (context.ownDocument) return
      return ({ valid }) => {
        if (!valid) return
        const { variables, operationName } = context.params
        const operation = getOperationAST(documentAST, operationName)
        // The executor refuses that, and looks at nothing else.
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
        // Thrown, because what is set as the result would be remembered with the document.
        const refusal = validate(schema, documentAST, [rule]).find(({ extensions }) => LIMITS.has(extensions.code))
        if (refusal) throw refused(refusal)
      }
    },
    async onContextBuilding({ context }) {
      const weight = weights.get(context) ?? 0
      const refusal = weight > 0 && (await rate.count((context as unknown as Context).caller, weight))
      if (refusal) throw httpRefusal(refusal)
    },
  }
}

function refused({ message, nodes }: GraphQLError): GraphQLError {
  return new GraphQLError(message, {
    nodes,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}
