import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const audits = serverAudits({ url: () => `${server.url}/graphql` })

test('There are audits', () => expect(audits.length).toBeGreaterThan(60))

for (const { id, name, fn } of audits) {
  test(`GraphQL over HTTP ${id}: ${name}`, async () => {
    expect(await fn()).toMatchObject({ status: 'ok' })
  })
}
