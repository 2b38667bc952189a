import { createComplexityRule } from '@pothos/plugin-complexity'
import { GraphQLError, getOperationAST, validate } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import type { DoorContext } from './context.ts'
import type { Limits } from './limits.ts'
import { checkVariables } from './variables.ts'

/** A subscription gives what it costs for each event, so it may cost this part of what another operation may. */
const PER_EVENT = 50

const LIMITS = new Set<unknown>(['QUERY_COMPLEXITY', 'QUERY_DEPTH'])

/**
 * Refuses operations that are too deep or would give too much, before anybody is asked who calls. It looks at valid documents only,
 * and each time, because variables say how long lists are; what is valid at all is remembered by the document.
 */
export function useCostLimit({ depth, cost }: Limits): Plugin<DoorContext & YogaInitialContext> {
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
        })
        // Thrown, because what is set as the result would be remembered with the document.
        const refusal = validate(schema, documentAST, [rule]).find(({ extensions }) => LIMITS.has(extensions.code))
        if (refusal) throw refused(refusal)
      }
    },
  }
}

function refused({ message, nodes }: GraphQLError): GraphQLError {
  return new GraphQLError(message, {
    nodes,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}
