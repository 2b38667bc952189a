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
  DateTime: (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? `"${isoText(value)}"` : undefined),
}

const DAY_MS = 86_400_000

// Events of a page are mostly of one day: the rest is a matter of digits, and `toISOString` takes ten times as long.
let last = { day: Number.NaN, date: '' }

function isoText(value: Date): string {
  const time = value.getTime()
  const day = Math.floor(time / DAY_MS)
  if (day !== last.day) last = { day, date: value.toISOString().split('T', 1)[0] ?? '' }
  const ms = time - day * DAY_MS
  const seconds = Math.floor(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  const clock = `${PADDED[Math.floor(minutes / 60)]}:${PADDED[minutes % 60]}:${PADDED[seconds % 60]}`
  return `${last.date}T${clock}.${String(ms % 1_000).padStart(3, '0')}Z`
}

const PADDED = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'))

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
