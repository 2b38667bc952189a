import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
  valueFromAST,
} from 'graphql'
import { isWithin, MAX_DEPTH, MAX_ITEMS, MAX_MEMBERS } from './plugins/use-variable-limit.ts'

type Variables = Readonly<Record<string, unknown>>

/** Coerces variables as the executor does; undefined if they do not fit, exceed a limit, or are not declared. */
export type CoerceVariables = (variables: Variables) => Record<string, unknown> | undefined

/** Differs from any coerced value. */
const MISFIT = Symbol('misfit')

interface Items {
  objects: number
  others: number
}

/** @returns the coerced value, or `MISFIT`. */
type Coerce = (value: unknown, seen: Items) => unknown

/**
 * Compiles the variables of a valid operation: they are walked once, where `checkVariables` and the executor would walk
 * them four times. What does not fit is left to those two, which give the error.
 */
export function compileVariables(schema: GraphQLSchema, operation: OperationDefinitionNode): CoerceVariables {
  const declared = (operation.variableDefinitions ?? []).map(({ variable, type: node, defaultValue }) => {
    const type = typeFromAST(schema, node) as GraphQLInputType
    return {
      name: variable.name.value,
      coerce: coercerOf(type, new Map()),
      otherwise: defaultValue && { value: valueFromAST(defaultValue, type) },
      isRequired: isNonNullType(type) && !defaultValue,
      isDeep: String(getNamedType(type)) === 'JSON' || isInputObjectType(getNamedType(type)),
    }
  })
  const isDeep = declared.some(({ isDeep }) => isDeep)
  return (variables) => {
    let given = 0
    if (isDeep && !isWithin(MAX_DEPTH, variables)) return undefined
    const coerced: Record<string, unknown> = {}
    for (const { name, coerce, otherwise, isRequired } of declared) {
      if (!Object.hasOwn(variables, name)) {
        if (isRequired) return undefined
        if (otherwise) coerced[name] = otherwise.value
        continue
      }
      given++
      const value = coerce(variables[name], { objects: 0, others: 0 })
      if (value === MISFIT) return undefined
      coerced[name] = value
    }
    // Undeclared variables may be nested too deeply to walk.
    return given === Object.keys(variables).length ? coerced : undefined
  }
}

// Input types can refer to themselves.
function coercerOf(type: GraphQLInputType, known: Map<GraphQLInputType, Coerce>): Coerce {
  const found = known.get(type)
  if (found) return found
  let made: Coerce = () => MISFIT
  known.set(type, (value, seen) => made(value, seen))
  made = coercerFor(type, known)
  known.set(type, made)
  return made
}

function coercerFor(type: GraphQLInputType, known: Map<GraphQLInputType, Coerce>): Coerce {
  if (isNonNullType(type)) {
    const coerce = coercerOf(type.ofType, known)
    return (value, seen) => (value == null ? MISFIT : coerce(value, seen))
  }
  const coerce = nullableCoercer(type, known)
  return (value, seen) => (value == null ? null : coerce(value, seen))
}

function nullableCoercer(type: GraphQLInputType, known: Map<GraphQLInputType, Coerce>): Coerce {
  if (isListType(type)) return listCoercer(type.ofType, coercerOf(type.ofType, known))
  return isInputObjectType(type) ? objectCoercer(type, known) : leafCoercer(type as GraphQLLeafType)
}

function listCoercer(type: GraphQLInputType, coerce: Coerce): Coerce {
  const item = getNullableType(type)
  const isCounted = String(item) !== 'Float'
  const kind = isInputObjectType(item) ? 'objects' : 'others'
  return (value, seen) => {
    const isList = Array.isArray(value)
    if (!isList && typeof value !== 'object') {
      const single = coerce(value, seen)
      return single === MISFIT ? MISFIT : [single]
    }
    const items: readonly unknown[] = isList ? value : [value]
    if (isCounted) {
      seen[kind] += items.length
      if (items.length > MAX_ITEMS.list || seen[kind] > MAX_ITEMS[kind]) return MISFIT
    }
    const coerced: unknown[] = []
    for (const each of items) {
      const made = coerce(each, seen)
      if (made === MISFIT) return MISFIT
      coerced.push(made)
    }
    return coerced
  }
}

function objectCoercer(type: GraphQLInputObjectType, known: Map<GraphQLInputType, Coerce>): Coerce {
  const fields = Object.values(type.getFields()).map(({ name, type, defaultValue }) => ({
    name,
    coerce: coercerOf(type, known),
    defaultValue,
    isRequired: isNonNullType(type) && defaultValue === undefined,
  }))
  return (value, seen) => {
    if (typeof value !== 'object' || Array.isArray(value)) return MISFIT
    const given = value as Readonly<Record<string, unknown>>
    const coerced: Record<string, unknown> = {}
    let found = 0
    for (const { name, coerce, defaultValue, isRequired } of fields) {
      const member = Object.hasOwn(given, name) ? given[name] : undefined
      if (member === undefined) {
        if (isRequired) return MISFIT
        if (defaultValue !== undefined) coerced[name] = defaultValue
        continue
      }
      found++
      const made = coerce(member, seen)
      if (made === MISFIT) return MISFIT
      coerced[name] = made
    }
    const { length } = Object.keys(given)
    if (length !== found || length > MAX_MEMBERS) return MISFIT
    return type.isOneOf && (length !== 1 || Object.values(coerced)[0] === null) ? MISFIT : coerced
  }
}

function leafCoercer(type: GraphQLLeafType): Coerce {
  const isJson = type.name === 'JSON'
  return (value) => {
    if (typeof value === 'object' && !isJson) return MISFIT
    try {
      const coerced: unknown = type.parseValue(value)
      return coerced === undefined ? MISFIT : coerced
    } catch {
      return MISFIT
    }
  }
}
