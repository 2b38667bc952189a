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
  description: 'A UUID of any version, with hyphens. Upper case is accepted; answers are in lower case.',
  parseValue: (value) => canonical(GraphQLUUID.parseValue(value)),
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
  parseValue: writable,
  parseLiteral: (node: ValueNode) =>
    node.kind === Kind.STRING ? writable(node.value) : GraphQLDateTime.parseLiteral(node, undefined),
  description: 'An RFC 3339 time such as 2026-11-22T06:00:00.000Z. Answers are in UTC, with milliseconds.',
})

export const JSONValue = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  description:
    'Any JSON value. As an argument: at most 1 MiB of compact text, at most 100 levels deep, and no integer beyond ±(2^53 - 1), which would lose digits on its way.',
})

export const SafeInt = new GraphQLScalarType({
  ...GraphQLSafeInt.toConfig(),
  description: 'A whole number up to 2^53 - 1, sent as a JSON number. Positions and counts outgrow the 32 bits of Int.',
})
