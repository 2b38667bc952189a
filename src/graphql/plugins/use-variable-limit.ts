import {
  coerceInputValue,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { fits } from './fits.ts'

/** Maximum nesting of variables: 100 levels of a payload, plus the input around it. */
export const MAX_DEPTH = 120

/** Maximum items per list and per variable; JSON has limits of its own, and the event size bounds lists of Float. */
export const MAX_ITEMS = { list: 10_000, objects: 11_000, others: 100_000 } as const

/** Maximum members of an object outside of payloads, more than any input has. */
export const MAX_MEMBERS = 100

/** UTF-16 units kept of a message that quotes a long value: its start, and its end, which lists what is allowed. */
const KEPT = { start: 100, end: 590 } as const

type Variables = Readonly<Record<string, unknown>>

/** Rejects variables and extensions nested too deep to recurse into, before any other code walks them. */
export function useVariableLimit(): Plugin {
  return {
    onParams({ params: { variables, extensions }, setResult }) {
      if (isWithin(MAX_DEPTH, variables) && isWithin(MAX_DEPTH, extensions)) return
      setResult({ errors: [badInput(`Variables and extensions must not be nested deeper than ${MAX_DEPTH} levels.`)] })
    },
  }
}

/** Stops at the first problem, as the executor quotes payloads in up to fifty. @throws GraphQLError BAD_USER_INPUT */
export function checkVariables(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Variables): void {
  for (const { variable, type: node, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value
    // The operation is valid: its types are inputs, and its defaults fit them.
    const type = typeFromAST(schema, node) as GraphQLInputType
    if (!Object.hasOwn(variables, name)) {
      if (isNonNullType(type) && !defaultValue)
        throw badInput(`Variable "$${name}" of required type "${type}" was not provided.`)
      continue
    }
    const value = variables[name]
    const problem = misfit(type, value, { objects: 0, others: 0 })
    if (problem) throw badInput(`Variable "$${name}" contains ${problem}.`)
    if (fits(type, value)) continue
    coerceInputValue(value, type, (path, _value, { message }) => {
      throw badInput(`Variable "$${name}" got an invalid value${at(name, path)}: ${message}`)
    })
  }
}

interface Items {
  objects: number
  others: number
}

// Checks size and kind only; scalars and enums would quote the whole value.
function misfit(type: GraphQLInputType, value: unknown, seen: Items): string | undefined {
  if (!isNested(value)) return undefined
  const expected = getNullableType(type)
  if (isListType(expected)) {
    const items: unknown[] = Array.isArray(value) ? value : [value]
    return tooMany(expected.ofType, items.length, seen) ?? first(items, (item) => misfit(expected.ofType, item, seen))
  }
  if (isInputObjectType(expected)) {
    const { length } = Object.keys(value)
    if (length > MAX_MEMBERS) return `an object of ${length} members where ${expected.name} is expected`
    return first(Object.values(expected.getFields()), (field) =>
      misfit(field.type, (value as Variables)[field.name], seen),
    )
  }
  return expected.name === 'JSON' ? undefined : `a list or an object where ${expected.name} is expected`
}

function tooMany(type: GraphQLInputType, length: number, seen: Items): string | undefined {
  const item = getNullableType(type)
  if (String(item) === 'Float') return undefined
  if (length > MAX_ITEMS.list) return `a list of ${length} items; the limit is ${MAX_ITEMS.list}`
  const kind = isInputObjectType(item) ? 'objects' : 'others'
  seen[kind] += length
  return seen[kind] > MAX_ITEMS[kind] ? `more than ${MAX_ITEMS[kind]} list items in total, the limit` : undefined
}

function first<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item)
    if (found) return found
  }
  return undefined
}

function at(name: string, path: readonly (string | number)[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
  return steps.length > 0 ? ` at "${name}${steps.join('')}"` : ''
}

// As the executor's own over HTTP: 400 for clients that accept GraphQL's media type, else 200.
function badInput(message: string): GraphQLError {
  const { length } = message
  const short =
    length > KEPT.start + KEPT.end ? `${message.slice(0, KEPT.start)} … ${message.slice(-KEPT.end)}` : message
  return new GraphQLError(short, { extensions: { code: 'BAD_USER_INPUT', http: { spec: true, status: 400 } } })
}

// Level by level, as recursion could overflow the stack.
export function isWithin(levels: number, value: unknown): boolean {
  let level = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === levels) return false
    const below: object[] = []
    const note = (child: unknown) => {
      if (isNested(child)) below.push(child)
    }
    for (const parent of level) {
      if (Array.isArray(parent)) for (const child of parent) note(child)
      // Not Object.values, which takes longer for a large object than parsing it did.
      else for (const name in parent) note((parent as Variables)[name])
    }
    level = below
  }
  return true
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
