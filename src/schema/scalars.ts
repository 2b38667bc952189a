import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { GraphQLDateTime, GraphQLJSON, GraphQLSafeInt, GraphQLUUID } from 'graphql-scalars'

const CANONICAL_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

// Ids are compared as text, so they have one form; the library also accepts a stray brace.
function canonical(value: unknown): string {
  const uuid = String(value).toLowerCase()
  if (!CANONICAL_UUID.test(uuid)) throw new GraphQLError(`Value is not a valid UUID: ${uuid}`)
  return uuid
}

export const UUID = new GraphQLScalarType({
  ...GraphQLUUID.toConfig(),
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc9562',
  description: 'A UUID of any version, with hyphens. Input is case-insensitive; output is in lower case.',
  // Nearly all of them are canonical, and a call can have a thousand.
  parseValue: (value) =>
    typeof value === 'string' && CANONICAL_UUID.test(value) ? value : canonical(GraphQLUUID.parseValue(value)),
  parseLiteral: (node: ValueNode) => canonical(GraphQLUUID.parseLiteral(node, undefined)),
})

// A zone offset can move a time out of the four-digit years that PostgreSQL and this scalar can write.
function writable(value: unknown): Date {
  const time = GraphQLDateTime.parseValue(value)
  if (typeof value === 'string' && !/^\d{4}-/.test(time.toISOString()))
    throw new GraphQLError(`Year out of range: ${value}`)
  return time
}

export const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  parseValue: writable,
  parseLiteral: (node: ValueNode) =>
    node.kind === Kind.STRING ? writable(node.value) : GraphQLDateTime.parseLiteral(node, undefined),
  description: 'An RFC 3339 date and time, such as 2026-11-22T06:00:00.000Z. Output is in UTC, with milliseconds.',
})

export const JSONValue = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  description:
    'Any JSON value. As input: at most 1 MiB as compact JSON text, at most 100 levels of nesting, and no integers ' +
    'beyond ±(2^53 - 1), which would lose precision; send those as strings.',
})

export const SafeInt = new GraphQLScalarType({
  ...GraphQLSafeInt.toConfig(),
  description:
    'An integer from -(2^53 - 1) to 2^53 - 1, serialized as a JSON number. For positions and counts, which can ' +
    'exceed the 32 bits of Int.',
})
