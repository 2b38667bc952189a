import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { command } from '../support/process.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'

let env: DatabaseSettings
let organization: string
let dataset: string

beforeAll(async () => {
  env = await freshDatabase()
  await using server = await startServer(env)
  organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
})

const keys = (...args: string[]) => command(['keys', ...args], { ...env })

test('Keys are created, listed and revoked from a shell, and audited', async () => {
  const created = await keys('create', '--organization', organization, '--role', 'read', '--dataset', dataset)
  expect(created).toMatchObject({ code: 0, stderr: '' })
  const [key] = /^tidemark_\S+/.exec(created.stdout) ?? ['']
  const [, id] = /revoke": (\S+)/.exec(created.stdout) ?? []
  {
    await using server = await startServer(env)
    const query = 'query ($id: UUID!) { dataset(id: $id) { id } }'
    expect(expectData(await server.graphql(query, { id: dataset }, key)).dataset).toEqual({ id: dataset })
  }
  const list = () => keys('list', '--organization', organization)
  // Like one stored before such names were rejected.
  await runSql(env, `UPDATE api_key SET name = E'\\x1b[2J\\tmine\\nall' WHERE id = '${id}'`)
  const [, line] = (await list()).stdout.split('\n')
  expect(line?.split('\t').slice(0, 3)).toEqual([id, `${key.slice(0, 16)}…`, 'READ'])
  expect(line?.split('\t').slice(6)).toEqual(['\\u{1b}[2J\\u{9}mine\\u{a}all'])
  expect(await keys('revoke', id ?? '')).toMatchObject({ code: 0 })
  expect((await list()).stdout).toMatch(/\trevoked \d{4}-/)
  await using server = await startServer(env)
  const query =
    'query ($id: UUID!) { auditEntries(organizationId: $id, first: 2) { nodes { action actorKeyId subjectId } } }'
  expect(expectData(await server.graphql(query, { id: organization })).auditEntries.nodes).toEqual([
    { action: 'REVOKE_API_KEY', actorKeyId: null, subjectId: id },
    { action: 'CREATE_API_KEY', actorKeyId: null, subjectId: id },
  ])
})

test.each([
  [
    'an organization that does not exist',
    () => ['create', '--organization', randomUUID(), '--role', 'READ'],
    1,
    /does not exist/,
  ],
  ['a role that does not exist', () => ['create', '--organization', organization, '--role', 'GOD'], 2, /READ, WRITE/],
  ['an id that is not a UUID', () => ['list', '--organization', 'acme'], 2, /Expected a UUID/],
  [
    'a name with control characters',
    () => ['create', '--organization', organization, '--role', 'READ', '--name', 'a\tb'],
    2,
    /must not contain control characters/,
  ],
  [
    'an expiry that is not a time',
    () => ['create', '--organization', organization, '--role', 'READ', '--expires', 'tomorrow'],
    2,
    /2030-01-31T00:00:00Z/,
  ],
  [
    'an expiry in the past',
    () => ['create', '--organization', organization, '--role', 'READ', '--expires', '2020-01-31T00:00:00Z'],
    2,
    /must be in the future/,
  ],
  [
    'a dataset that does not exist',
    () => ['create', '--organization', organization, '--role', 'READ', '--dataset', randomUUID()],
    1,
    /datasets and reports of the organization/,
  ],
  ['a key that does not exist', () => ['revoke', randomUUID()], 1, /API key .* does not exist/],
  ['no organization', () => ['list'], 2, /--organization/],
])('%s is reported in one line', async (_, args, status, message) => {
  const { code, stdout, stderr } = await keys(...args())
  expect({ code, stdout }).toEqual({ code: status, stdout: '' })
  expect(stderr).toMatch(message)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})
