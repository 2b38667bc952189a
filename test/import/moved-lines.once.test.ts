import { createHash, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { datasetLine, fileOf, organizationLine, workerLine } from '../support/lines.ts'
import { command } from '../support/process.ts'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

const PAGE = `query ($id: UUID!) {
  workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 100) { nodes { seq eventData } }
}`
const CREATE = 'mutation { createOrganization(input: { name: "Taken" }) { id } }'

async function importLines(env: DatabaseSettings, lines: string[], ...options: string[]) {
  const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
  await writeFile(file, fileOf(lines))
  const { code, stdout, stderr } = await command(['import', file, '--json', ...options], { ...env })
  return { code, stderr, ...JSON.parse(stdout) }
}

function keyLine(organizationId: string, key: string, extra: object = {}): string {
  const apiKey = {
    id: randomUUID(),
    organizationId,
    role: 'READ',
    name: null,
    prefix: key.slice(0, 4),
    hash: createHash('sha256').update(key).digest('hex'),
    datasetIds: [],
    reportIds: [],
    createdAt: '2024-01-01T00:00:00.000Z',
    expiresAt: null,
    revokedAt: null,
    ...extra,
  }
  return JSON.stringify({ apiKey })
}

describe('The root key', () => {
  test('is not imported', async () => {
    const organization = randomUUID()
    const env = await freshDatabase()
    const lines = [organizationLine(organization), keyLine(organization, 'a-made-up-key', { id: NIL })]
    const result = await importLines(env, lines, '--with-accounts')
    expect(result).toMatchObject({ code: 1, rejected: 1 })
    expect(result.rejections[0].reason).toContain('reserved for the root key')
    await using server = await startServer({ ...env, ROOT_API_KEY: undefined })
    expect((await server.graphql(CREATE, {}, 'a-made-up-key')).errors).toHaveLength(1)
  })

  test('belongs to no organization', async () => {
    const env = await freshDatabase()
    let key = ''
    {
      await using server = await startServer(env)
      key = await newKey(server, await newOrganization(server))
    }
    await runSql(env, `UPDATE api_key SET id = '${NIL}' WHERE organization_id IS NOT NULL`)
    await using server = await startServer({ ...env, ROOT_API_KEY: undefined })
    const { errors } = await server.graphql(CREATE, {}, key)
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })
})

test('Keys that are no longer valid are imported also where the limit of valid ones is reached', async () => {
  const organization = randomUUID()
  const env = await freshDatabase()
  await importLines(env, [organizationLine(organization)])
  await runSql(
    env,
    `INSERT INTO api_key (id, organization_id, role, prefix, hash)
       SELECT gen_random_uuid(), '${organization}', 'READ', 'p', 'h' || i FROM generate_series(1, 1000) AS i`,
  )
  const past = '2024-06-01T00:00:00.000Z'
  const future = new Date(Date.now() + 86_400_000).toISOString()
  const lines = [
    keyLine(organization, 'revoked', { revokedAt: past }),
    keyLine(organization, 'expired', { expiresAt: past }),
    keyLine(organization, 'valid', { expiresAt: future }),
  ]
  const { rejections } = await importLines(env, lines, '--with-accounts', '--keep-going')
  expect(rejections).toEqual([{ line: 3, outcome: 'REJECTED', reason: expect.stringContaining('the limit') }])
})

describe('Events of a stream whose line is rejected', () => {
  test.each([
    ['belongs to another organization', {}],
    ['is wrong in its line', { first: 0 }],
  ])('are rejected, too, where the stream %s', async (_case, extra) => {
    const env = await freshDatabase()
    let dataset = ''
    {
      await using server = await startServer(env)
      dataset = await newDataset(server, await newOrganization(server))
    }
    const [organization, other] = [randomUUID(), randomUUID()]
    const lines = [
      organizationLine(organization),
      datasetLine(dataset, organization, { head: 2, ...extra }),
      workerLine(dataset, 1),
      datasetLine(other, organization, { head: 1 }),
      workerLine(other, 1),
      workerLine(dataset, 2),
    ]
    const result = await importLines(env, lines, '--keep-going')
    expect(result).toMatchObject({ code: 1, recorded: 1, rejected: 3 })
    await using server = await startServer(env)
    expect(expectData(await server.graphql(PAGE, { id: dataset })).workerEvents.nodes).toEqual([])
    expect(expectData(await server.graphql(PAGE, { id: other })).workerEvents.nodes).toHaveLength(1)
  })
})

test('Events without positions are imported after the line of their dataset, and after others', async () => {
  const [organization, plain, mixed] = [randomUUID(), randomUUID(), randomUUID()]
  const env = await freshDatabase()
  const lines = [
    organizationLine(organization),
    datasetLine(plain, organization, { head: 2 }),
    workerLine(plain, 1, { seq: undefined }),
    workerLine(plain, 2, { seq: undefined }),
    datasetLine(mixed, organization, { head: 5, first: 3 }),
    workerLine(mixed, 3),
    workerLine(mixed, 4, { seq: undefined }),
    workerLine(mixed, 5),
  ]
  expect(await importLines(env, lines)).toMatchObject({ code: 0, recorded: 5, rejected: 0 })
  expect(await importLines(env, lines)).toMatchObject({ code: 0, recorded: 0, duplicates: 5, rejected: 0 })
  await using server = await startServer(env)
  const seqs = async (id: string) =>
    expectData(await server.graphql(PAGE, { id })).workerEvents.nodes.map(({ seq }: { seq: number }) => seq)
  expect(await seqs(plain)).toEqual([1, 2])
  expect(await seqs(mixed)).toEqual([3, 4, 5])
})
