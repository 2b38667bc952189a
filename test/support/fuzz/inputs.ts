import { readFileSync } from 'node:fs'
import { fc } from '@fast-check/vitest'
import {
  buildSchema,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isUnionType,
} from 'graphql'
import { CURSORS, IDS, json, placeholder, text } from './values.ts'

/** The schema that clients see. */
export const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
/** Its types with fields. */
export const composites = Object.values(schema.getTypeMap())
  .filter((type) => isCompositeType(type))
  .filter(({ name }) => !/^__/.test(name))
/** The types of their arguments. */
export const argumentTypes = argumentsOf(composites)

function argumentsOf(types: readonly unknown[]): GraphQLInputType[] {
  const all = types.flatMap((type) => fieldsOf(type as GraphQLCompositeType)).flatMap(({ args }) => args)
  return [...new Map(all.map(({ type }) => [String(type), type])).values()]
}

/** The fields of a type. A union has none. */
export function fieldsOf(type: GraphQLCompositeType): GraphQLField<unknown, unknown>[] {
  return isUnionType(type) ? [] : Object.values(type.getFields())
}

/** A value that a document contains without quotes: an enum value, a variable. */
class Bare {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toJSON(): string {
    return this.text
  }
}

const RIGHT: Record<string, fc.Arbitrary<unknown>> = {
  Boolean: fc.boolean(),
  Int: fc.oneof(fc.constantFrom(1, 2, 5, 0, 20, 1_000), fc.constantFrom(1, 3, 10), fc.integer()),
  Float: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0.5, 1)),
  SafeInt: fc.integer(),
  String: text,
  ID: text,
  UUID: fc.oneof(fc.constantFrom(...IDS).map(placeholder), fc.uuid()),
  JSON: json,
  DateTime: fc.oneof(
    fc.constantFrom('2020-01-01T00:00:00Z', '2100-01-01T00:00:00.123+02:00', '0001-01-01T00:00:00Z'),
    fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString()),
  ),
}

// Values that reach existing objects, for an argument of this name and type.
const NAMED: Record<string, fc.Arbitrary<unknown>> = {
  'datasetId: UUID': fc.constantFrom('dataset', 'dataset', 'dataset', 'otherDataset', 'report').map(placeholder),
  'reportId: UUID': fc.constantFrom('report', 'report', 'endedReport', 'dataset').map(placeholder),
  'organizationId: UUID': fc.constantFrom('organization', 'organization', 'nobody').map(placeholder),
  'after: String': fc.constantFrom(...CURSORS, 'event').map(placeholder),
  'before: String': fc.constantFrom(...CURSORS).map(placeholder),
  'trackingId: String': fc.constantFrom('tracked', 'other'),
}

/** A variable of the type, or sometimes of another one. Named after its type, so that its text alone declares it. */
export function variable(type: GraphQLInputType): Bare {
  const index = argumentTypes.findIndex((other) => String(other) === String(type))
  return new Bare(`$v${Math.max(index, 0)}`)
}

/** A value of the type; sometimes another one. */
export function input(type: GraphQLInputType, name: string, depth = 4): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return input(type.ofType, name, depth)
  const right = rightInput(type, name, depth)
  return fc.oneof(
    { weight: 60, arbitrary: right },
    { weight: 2, arbitrary: fc.constant(variable(type)) },
    { weight: 1, arbitrary: fc.oneof(json, fc.constantFrom(null, new Bare('NOPE'))) },
  )
}

function rightInput(type: GraphQLInputType, name: string, depth: number): fc.Arbitrary<unknown> {
  if (isListType(type)) return fc.array(input(type.ofType, name, depth), { maxLength: 3 })
  if (isEnumType(type)) return fc.constantFrom(...type.getValues()).map(({ name }) => new Bare(name))
  if (!isInputObjectType(type)) return NAMED[`${name}: ${type}`] ?? RIGHT[String(type)] ?? json
  const fields = Object.values(type.getFields())
  const member = (field: (typeof fields)[number]) => input(field.type, field.name, depth - 1)
  if (type.isOneOf) return fc.oneof(...fields.map((field) => fc.record({ [field.name]: member(field) })))
  const required = fields.filter(({ type }) => isNonNullType(type)).map(({ name }) => name)
  const possible = fields.filter(({ name }) => depth > 0 || required.includes(name))
  return fc.record(Object.fromEntries(possible.map((field) => [field.name, member(field)])), { requiredKeys: required })
}

/** A value as written in a document. */
export function literal(value: unknown): string {
  if (value instanceof Bare) return value.text
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value).map(([name, member]) => `${/^\w+$/.test(name) ? name : 'x'}: ${literal(member)}`)}}`
}
