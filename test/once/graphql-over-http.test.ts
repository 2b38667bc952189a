import { serverAudits } from 'graphql-http'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const audits = serverAudits({ url: () => `${server.url}/graphql` })

test('The audit suite is not empty', () => expect(audits.length).toBeGreaterThan(60))

for (const { id, name, fn } of audits) {
  test(`GraphQL over HTTP ${id}: ${name}`, async () => {
    expect(await fn()).toMatchObject({ status: 'ok' })
  })
}
