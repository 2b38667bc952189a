import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { expectData, startServer } from '../support/server.ts'

test('An organization has at most 1,000 valid keys; revoking one makes room for another', async () => {
  const env = await freshDatabase()
  const organizationId = randomUUID()
  const keys = (count: number, columns = '', values = '') => `
    INSERT INTO api_key (id, organization_id, role, prefix, hash${columns})
      SELECT gen_random_uuid(), '${organizationId}', 'READ', '',
      gen_random_uuid()::text${values} FROM generate_series(1, ${count});`
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${organizationId}', 'Acme'); ${keys(999)}
     ${keys(5, ', revoked_at', ', now()')} ${keys(5, ', expires_at', ', now()')}`,
  )
  await using server = await startServer(env)
  const create = () =>
    server.graphql('mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey { id } } }', {
      i: { organizationId, role: 'READ' },
    })
  const both = await Promise.all([create(), create()])
  expect(both.map(({ errors }) => errors?.[0]?.extensions.code).sort()).toEqual(['CONFLICT', undefined])
  const [{ data } = { data: undefined }] = both.filter(({ errors }) => !errors)
  const id = data.createApiKey.apiKey.id
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id }))
  expectData(await create())
})
