import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'

test('Keys are looked up after more invented ones than a statement takes, one of them repeated', async ({ server }) => {
  const ask = (key: string) => server.graphql('{ __typename }', {}, key)
  const invented = Array.from({ length: 450 }, () => randomBytes(16).toString('hex'))
  await Promise.all([...invented, ...invented.slice(0, 60)].map(ask))
  // It has not been valid here before, either.
  expect((await ask('another')).data).toEqual({ __typename: 'Query' })
})
