import { expect, test } from 'vitest'
import { runSql } from '../support/database.ts'
import { newKey, newOrganization } from '../support/seed.ts'
import { startServer } from '../support/server.ts'

test('While keys cannot be looked up, requests fail with UNAVAILABLE before their bodies are read', async () => {
  await using server = await startServer()
  const key = await newKey(server, await newOrganization(server))
  const post = (body: string, authorization: Record<string, string> = { authorization: `Bearer ${key}` }) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body,
    })
  expect((await post('{"query":"{ __typename }"}')).status).toBe(200)
  await runSql(server.env, 'ALTER TABLE api_key RENAME TO elsewhere')
  for (const body of ['{"query":"{ __typename }"}', 'x'.repeat(7_000_000), '{']) {
    const response = await post(body)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE', retryAfter: 1 } }] })
  }
  // Requests without a key need no lookup.
  expect((await post('{"query":"{ __typename }"}', {})).status).toBe(200)
  expect(server.log.filter(({ level }) => level >= 50)).toHaveLength(1)
  await runSql(server.env, 'ALTER TABLE elsewhere RENAME TO api_key')
  expect((await post('{"query":"{ __typename }"}')).status).toBe(200)
})
