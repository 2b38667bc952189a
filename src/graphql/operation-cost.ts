import { createComplexityRule } from '@pothos/plugin-complexity'
import { type DocumentNode, GraphQLError, type GraphQLSchema, type OperationDefinitionNode, validate } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { Limits } from '../lib/limits.ts'
import type { Sizes } from '../schema/field-cost.ts'

/** A subscription pays its cost for each event, so its limit is divided by this; a batch is limited as a page, too. */
const PER_EVENT = 50

/** An operation counts as one more request for each this many values that it may return. */
const VALUES_A_REQUEST = 10_000

/** Costs kept of a document, each for other sizes of its variables. */
const KEPT = 50

/** What an operation costs, or why it is rejected. `weight`: requests that it counts as, beside itself. */
interface Cost {
  readonly weight: number
  readonly error?: GraphQLError
}

type Variables = Readonly<Record<string, unknown>>

export type CostOf = (
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
) => Cost

/** What operations of valid documents cost with their variables, which set list lengths. */
export function operationCosts({ depth, cost }: Limits): CostOf {
  const kept = new WeakMap<DocumentNode, LRUCache<string, Cost>>()
  const compute: CostOf = (schema, document, { operation, name }, variableValues) => {
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
      weight: Math.floor(found.complexity / VALUES_A_REQUEST),
      error: overLimit('complexity', found.complexity, most) ?? overLimit('depth', found.depth, depth),
    }
  }
  return (schema, document, operation, variables) => {
    const costs = kept.get(document) ?? new LRUCache({ max: KEPT })
    const sizes = JSON.stringify([operation.name?.value, ...sizesOf(operation, variables)])
    const known = costs.get(sizes)
    if (known) return known
    const computed = compute(schema, document, operation, variables)
    kept.set(document, costs.set(sizes, computed))
    return computed
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
