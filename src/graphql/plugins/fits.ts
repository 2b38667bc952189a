import {
  type GraphQLInputType,
  type GraphQLLeafType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  isScalarType,
} from 'graphql'

/** Whether a JSON value can be coerced to an input type, without building the result, as the executor does anyway. */
export function fits(type: GraphQLInputType, value: unknown): boolean {
  if (isNonNullType(type)) return value != null && fits(type.ofType, value)
  if (value == null) return true
  if (isListType(type)) {
    if (!Array.isArray(value)) return fits(type.ofType, value)
    for (const item of value) if (!fits(type.ofType, item)) return false
    return true
  }
  if (!isInputObjectType(type)) return fitsLeaf(type, value)
  if (typeof value !== 'object' || Array.isArray(value)) return false
  const fields = type.getFields()
  const given = value as Readonly<Record<string, unknown>>
  for (const name in given) if (!Object.hasOwn(fields, name)) return false
  for (const name in fields) {
    const field = fields[name]
    if (!field) return false
    if (given[name] === undefined ? isRequiredInputField(field) : !fits(field.type, given[name])) return false
  }
  if (!type.isOneOf) return true
  const members = Object.values(given)
  return members.length === 1 && members[0] != null
}

function fitsLeaf(type: GraphQLLeafType, value: unknown): boolean {
  if (typeof value === 'number' && type.name === 'Float') return Number.isFinite(value)
  if (typeof value === 'string' && type.name === 'String') return true
  if (!isScalarType(type)) return typeof value === 'string' && type.getValue(value) != null
  try {
    return type.parseValue(value) !== undefined
  } catch {
    return false
  }
}
