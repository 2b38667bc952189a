import { GraphQLError, type GraphQLLeafType, isEnumType } from 'graphql'

/** The JSON text of a value of a leaf type, which is not null. @throws Error as the type does. */
export type LeafText = (value: unknown) => string

/** The text that `JSON.stringify` makes of what the type serializes, made directly where both are known. */
export function leafTextOf(type: GraphQLLeafType): LeafText {
  const serialized: LeafText = (value) => serialize(type, value)
  if (isEnumType(type)) {
    const names = new Map(type.getValues().map(({ name, value }) => [value as unknown, `"${name}"`]))
    return (value) => names.get(value) ?? serialized(value)
  }
  const direct = DIRECT[type.name]
  return direct ? (value) => direct(value) ?? serialized(value) : serialized
}

const LOWER_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

// Undefined: the type decides.
const DIRECT: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  String: (value) => (typeof value === 'string' ? quoted(value) : undefined),
  ID: (value) => (typeof value === 'string' ? quoted(value) : undefined),
  Boolean: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  Int: (value) => (typeof value === 'number' && (value | 0) === value ? String(value) : undefined),
  SafeInt: (value) => (Number.isSafeInteger(value) ? String(value) : undefined),
  Float: (value) => (typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined),
  UUID: (value) => (typeof value === 'string' && LOWER_UUID.test(value) ? `"${value}"` : undefined),
  DateTime: (value) =>
    value instanceof Date && !Number.isNaN(value.getTime()) ? `"${value.toISOString()}"` : undefined,
}

/** Longer texts are searched as fast by `JSON.stringify`, in UTF-16 units. */
const SHORT = 64

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

function quoted(text: string): string {
  return text.length <= SHORT && !ESCAPED.test(text) ? `"${text}"` : JSON.stringify(text)
}

// As the executor, whose errors are not those of GraphQL documents.
function serialize(type: GraphQLLeafType, value: unknown): string {
  let result: unknown
  try {
    result = type.serialize(value)
  } catch (error) {
    throw error instanceof GraphQLError ? new Error(error.message) : error
  }
  const text = result == null ? undefined : JSON.stringify(result)
  if (text === undefined) throw new Error(`Expected \`${type}\` to serialize a value of the field, but it was null.`)
  return text
}
