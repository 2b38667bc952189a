import { createComplexityRule } from '@pothos/plugin-complexity'
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  validate,
} from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { RateLimit } from '../../accounts/rate-limit.ts'
import type { Limits } from '../../lib/limits.ts'
import type { RequestContext } from '../../schema/context.ts'
import type { Sizes } from '../../schema/field-cost.ts'
import { toHttpError } from '../http-error.ts'
import { checkVariables } from './use-variable-limit.ts'

/** A subscription pays its cost for each event, so its limit is divided by this; a batch is limited as a page, too. */
const PER_EVENT = 50

/** An operation counts as one more request for each this many values that it may return. */
const VALUES_A_REQUEST = 10_000

/** Costs kept of a document, each for other sizes of its variables. */
const KEPT = 50

interface Cost {
  complexity: number
  error?: GraphQLError
}

type Variables = Readonly<Record<string, unknown>>

/** Rejects, before the context is built, what is too deep or costly for its variables, which set list lengths. */
export function useCostLimit({ depth, cost }: Limits, rate: RateLimit): Plugin<RequestContext & YogaInitialContext> {
  const weights = new WeakMap<object, number>()
  const kept = new WeakMap<DocumentNode, LRUCache<string, Cost>>()
  const costOf = (
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Variables,
  ) => {
    const costs = kept.get(document) ?? new LRUCache({ max: KEPT })
    const sizes = JSON.stringify([operation.name?.value, ...sizesOf(operation, variables)])
    const known = costs.get(sizes)
    if (known) return known
    const computed = compute(schema, document, operation, variables)
    kept.set(document, costs.set(sizes, computed))
    return computed
  }
  const compute = (
    schema: GraphQLSchema,
    document: DocumentNode,
    { operation, name }: OperationDefinitionNode,
    variableValues: Variables,
  ): Cost => {
    let found = { complexity: 0, depth: 0 }
    const sizes: Sizes = {}
    const rule = createComplexityRule({
      context: sizes,
      variableValues,
      operationName: name?.value,
      onResult: (result) => {
        found = { ...result }
      },
    })
    validate(schema, document, [rule])
    const most = operation === 'subscription' ? Math.min(cost, Math.ceil(cost / PER_EVENT) * (sizes.events ?? 1)) : cost
    return {
      ...found,
      error: overLimit('complexity', found.complexity, most) ?? overLimit('depth', found.depth, depth),
    }
  }
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
        const { complexity, error } = costOf(schema, documentAST, operation, variables ?? {})
        // Thrown, because a result that is set here would be cached with the document.
        if (error) throw error
        weights.set(context, Math.floor(complexity / VALUES_A_REQUEST))
      }
    },
    async onContextBuilding({ context }) {
      const weight = weights.get(context) ?? 0
      const error = weight > 0 && (await rate.count(context.caller, weight))
      if (error) throw toHttpError(error)
    },
  }
}

// Arguments that set list lengths are numbers or lists; of all other values only presence can matter.
function sizesOf({ variableDefinitions = [] }: OperationDefinitionNode, variables: Variables): unknown[] {
  return variableDefinitions.map(({ variable }) => {
    const name = variable.name.value
    if (!Object.hasOwn(variables, name)) return 'absent'
    const value = variables[name]
    if (value === null) return 'null'
    return Array.isArray(value) ? [value.length] : typeof value === 'number' ? value : 'given'
  })
}

function overLimit(what: string, actual: number, most: number): GraphQLError | undefined {
  if (actual <= most) return undefined
  return new GraphQLError(`Query ${what} of ${actual} exceeds max ${what} of ${most}`, {
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}
