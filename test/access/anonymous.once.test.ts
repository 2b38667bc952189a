import { randomUUID } from 'node:crypto'
import { getIntrospectionQuery } from 'graphql'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer

test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const chain = (count: number) =>
  Array.from({ length: count }, (_, i) => `fragment F${i} on Query { __typename ${i > 0 ? `...F${i - 1}` : ''} }`).join(
    ' ',
  )

describe.each([
  ['no key', null],
  ['an unknown key', 'made up'],
])('With %s', (_, key) => {
  const code = async (query: string) => (await server.graphql(query, {}, key)).errors?.[0]?.extensions.code

  test('the schema and __typename can be queried', async () => {
    for (const query of [
      '{ __typename }',
      'query Q { ...F ... on Query { __typename } } fragment F on Query { __type(name: "Query") { name } ...F2 } ' +
        'fragment F2 on Query { __typename }',
      getIntrospectionQuery({ descriptions: true, oneOf: true, specifiedByUrl: true, directiveIsRepeatable: true }),
    ])
      expect([query, await code(query)]).toEqual([query, undefined])
  })

  test('all other documents are rejected as unauthenticated, valid or not', async () => {
    for (const query of [
      `{ dataset(id: "${randomUUID()}") { id } }`,
      '{ __typename noSuchField }',
      '{ __typename ...F } fragment F on Query { apiKeys(organizationId: 1) { id } }',
      '{ ... on Query { ... { noSuchField } } }',
      'mutation { createOrganization(input: { name: "x" }) { id } }',
      'query A { __typename } query B { noSuchField }',
    ])
      expect([query, await code(query)]).toEqual([query, 'UNAUTHENTICATED'])
  })

  test('a document has a lower limit of length', async () => {
    expect(await code(`{ ${'__typename '.repeat(600)} }`)).toBe('GRAPHQL_PARSE_FAILED')
    expect(await code(`{ ...F20 } ${chain(21)}`)).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(await code('{')).toBe('GRAPHQL_PARSE_FAILED')
  })
})

test('The error of an anonymous client is not cached for others', async () => {
  const query = `{ ${'__typename '.repeat(700)} }`
  expect((await server.graphql(query, {}, null)).errors).toBeTruthy()
  expect(await server.graphql(query)).toEqual({ data: { __typename: 'Query' } })
})

test('With a key, a document can have up to fifty fragments', async () => {
  expect(await server.graphql(`{ ...F49 } ${chain(50)}`)).toEqual({ data: { __typename: 'Query' } })
  expect((await server.graphql(`{ ...F50 } ${chain(51)}`)).errors).toMatchObject([
    { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
  ])
})
