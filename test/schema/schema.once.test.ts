import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import {
  buildSchema,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql'
import { expect, test } from 'vitest'
import { printSortedSchema, SCHEMA_FILE } from '../../src/schema/print-schema.ts'
import { schema } from '../../src/schema/schema.ts'

test('schema.graphql equals the printed schema; "npm run schema:print" writes it', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(printSortedSchema())
})

test('Every type, field, argument and enum value is described', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  )
  expect(types.length).toBeGreaterThan(40)
  expect(types.flatMap(undescribed)).toEqual([])
})

test('Every scalar names its specification', () => {
  const scalars = Object.values(schema.getTypeMap()).filter(isScalarType)
  const own = scalars.filter((type) => !isSpecifiedScalarType(type))
  expect(own.length).toBeGreaterThan(3)
  for (const { specifiedByURL } of own) expect(specifiedByURL).toMatch(/^https:/)
})

function undescribed(type: GraphQLNamedType): string[] {
  const missing = type.description ? [] : [type.name]
  if (isEnumType(type))
    return [
      ...missing,
      ...type
        .getValues()
        .filter((value) => !value.description)
        .map((value) => `${type.name}.${value.name}`),
    ]
  if (isObjectType(type) || isInterfaceType(type)) {
    const fields = Object.values(type.getFields()).flatMap((field) => [
      ...(field.description ? [] : [`${type.name}.${field.name}`]),
      ...field.args.filter((arg) => !arg.description).map((arg) => `${type.name}.${field.name}(${arg.name})`),
    ])
    return [...missing, ...fields]
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => !field.description)
    return [...missing, ...fields.map((field) => `${type.name}.${field.name}`)]
  }
  return missing
}

// The schema of the last release. A release replaces it: "cp schema.graphql test/fixtures/released.graphql".
const released = buildSchema(readFileSync('test/fixtures/released.graphql', 'utf8'))

test('The schema breaks no operation that the last release accepts', () => {
  expect(breakingChanges(released, schema)).toEqual([])
})

test.each([
  ['a field is removed', 'pageCount: SafeInt!', 'pages: SafeInt!'],
  ['a result may be null', 'totalCount: SafeInt!', 'totalCount: SafeInt'],
  ['an argument is required', 'report(', 'report(name: String!, '],
  ['a default changes', 'pageSize: Int = 10', 'pageSize: Int = 20'],
  ['an enum value is removed', 'NEWEST_FIRST', 'NEWEST'],
  ['an input takes several members', 'ReportEventInput @oneOf', 'ReportEventInput'],
])('A change is noticed when %s', (_, text, changed) => {
  const before = printSortedSchema()
  expect(before).toContain(text)
  expect(breakingChanges(released, buildSchema(before.replaceAll(text, changed)))).not.toEqual([])
})

/** What breaks operations of clients; the defaults of arguments and `@oneOf` too, which graphql-js leaves out. */
function breakingChanges(before: GraphQLSchema, after: GraphQLSchema): string[] {
  const defaults = findDangerousChanges(before, after).filter(
    ({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
  )
  const changes = [...findBreakingChanges(before, after), ...defaults].map(({ description }) => description)
  const oneOf = Object.values(before.getTypeMap()).filter((type) => isInputObjectType(type) && type.isOneOf)
  const loosened = oneOf.filter(({ name }) => {
    const now = after.getType(name)
    return isInputObjectType(now) && !now.isOneOf
  })
  return [...changes, ...loosened.map(({ name }) => `${name} is no longer @oneOf.`)]
}
