import { randomUUID } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, onTestFinished } from 'vitest'
import { serverAdapter } from '../../src/db/shared/server-adapter.ts'
import { ServerConnection } from '../../src/db/shared/server-connection.ts'
import { faketimeInstalled, settableClock } from '../support/clock.ts'
import { freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { test } from '../support/fixtures.ts'
import { datasetLine, fileOf, organizationLine, workerLine } from '../support/lines.ts'
import { command, serve, tidemark } from '../support/process.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { expectData, graphql, startServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

test('Commands run beside the server that has the database open, and print what they print without it', async ({
  server,
}) => {
  const run = (...args: string[]) => command(args, { ...server.env })
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  const created = await run('keys', 'create', '--organization', organization, '--role', 'read')
  expect(created).toMatchObject({ code: 0, stderr: '' })
  const [key = ''] = /^tidemark_\S+/.exec(created.stdout) ?? []
  const [, id = ''] = /revoke": (\S+)/.exec(created.stdout) ?? []

  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'
  const reader = overSse(server.url, key, query, { id: dataset })
  onTestFinished(() => reader.end())
  await reader.start()
  const lines = Array.from({ length: 3 }, (_, i) =>
    workerLine(dataset, i + 1, { eventDataText: JSON.stringify('é\u0000'.repeat(30_000 * (i + 1))) }),
  )
  const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
  await writeFile(file, fileOf(lines))
  const imported = await run('import', file, '--json')
  expect(imported.code).toBe(0)
  expect(JSON.parse(imported.stdout)).toMatchObject({ read: 3, recorded: 3, rejected: 0 })
  expect((await reader.take(3)).map(({ node }) => node.seq)).toEqual([1, 2, 3])
  expect(await run('export', '--dataset', dataset)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(fileOf(lines)),
  })

  const { status, found } = await doctor({ ...server.env })
  expect(status).toBe(0)
  expect(found.database?.found).toMatch(/^The embedded PostgreSQL \S+ is reachable\.$/)
  expect(found.counters?.found).toMatch(/^The counters of all [1-9]\d* streams match their events\.$/)
  expect(await run('restore-epoch')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Began epoch \d+\./) })

  expect(await run('keys', 'revoke', id)).toMatchObject({ code: 0, stderr: '' })
  expect((await run('keys', 'list', '--organization', organization)).stdout).toContain('\trevoked ')
  const { errors } = await server.graphql('query ($id: UUID!) { dataset(id: $id) { id } }', { id: dataset }, key)
  expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  const again = await run('keys', 'revoke', randomUUID())
  expect(again).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^API key .* does not exist, .*\n$/),
  })
})

test('A transaction of a command that pauses or disconnects is rolled back, and the server goes on', async ({
  server,
}) => {
  const path = join(server.env.DATA_DIR, 'tidemark.sock')
  const id = randomUUID()
  const statement = (sql: string) => ({ sql, args: [], argTypes: [] })
  const insert = statement(`INSERT INTO organization (id, name) VALUES ('${id}', 'Acme')`)
  const stored = async () => {
    // Takes its turn after the transaction.
    await newOrganization(server)
    const query = 'query ($id: UUID!) { organization(id: $id) { id } }'
    return expectData(await server.graphql(query, { id })).organization !== null
  }
  const killed = await ServerConnection.open(path)
  await killed.call({ method: 'begin' })
  expect(await killed.call({ method: 'executeRaw', query: insert })).toBe(1)
  killed.close()
  expect(await stored()).toBe(false)

  const adapter = await serverAdapter(path).connect()
  onTestFinished(() => adapter.dispose())
  const transaction = await adapter.startTransaction()
  expect(await transaction.executeRaw(insert)).toBe(1)
  expect(await stored()).toBe(false)
  await expect(transaction.commit()).rejects.toMatchObject({ cause: { kind: 'ConnectionClosed' } })

  // Another connection of the same client is not affected, nor by a statement that fails.
  await expect(adapter.queryRaw(statement('SELECT 1/0'))).rejects.toMatchObject({ cause: { originalCode: '22012' } })
  const { rows } = await adapter.queryRaw(statement("SELECT 1, 'two', '\\x03'::bytea, NULL"))
  expect(rows).toEqual([[1, 'two', new Uint8Array([3]), null]])
})

test('A command beside another command is refused, naming its process', async () => {
  const env = await freshDatabase()
  const importing = tidemark(['import', '-', '--keep-going'], { ...env }, 'pipe')
  importing.child.stdin?.write('no event\n')
  await until(() => importing.output.stderr.includes('line 1: '))
  const refused = await command(['keys', 'list', '--organization', randomUUID()], { ...env })
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  const message =
    `${env.DATA_DIR} is in use by process ${importing.child.pid}. That process is not a server, or not ready yet. ` +
    `Wait for it, or stop it.\n`
  expect(refused.stderr).toBe(message)
  importing.child.stdin?.end()
  expect(await importing.exited).toBe(1)
})

test('Where the path of the socket would be too long, the log says so, and the command that needs it', async () => {
  const { DATA_DIR: short } = await freshDatabase()
  const DATA_DIR = `${short}-${'x'.repeat(100)}`
  await rename(short, DATA_DIR)
  await using server = await startServer({ DATA_DIR })
  expect(server.log).toMatchObject([{ msg: 'commands cannot use this database until the server has stopped' }])
  const { code, stderr } = await command(['restore-epoch'], { DATA_DIR })
  const reason = `The path ${join(DATA_DIR, 'tidemark.sock')} exceeds 103 bytes, the limit of a socket.`
  const message = `${DATA_DIR} is in use by process ${process.pid}. ${reason} Wait for it, or stop it.\n`
  expect({ code, stderr }).toEqual({ code: 1, stderr: message })
})

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'An import goes on with the next server when the one that it goes through ends by %s',
  async (signal) => {
    const env = await freshDatabase()
    const [organization, dataset] = [randomUUID(), randomUUID()]
    const first = await serve({ ...env })
    const importing = tidemark(['import', '-', '--json'], { ...env }, 'pipe')
    const count = 30
    const lines = Array.from({ length: count }, (_, i) => workerLine(dataset, i + 1))
    const head = [organizationLine(organization), datasetLine(dataset, organization, { head: count })]
    importing.child.stdin?.write(fileOf([...head, ...lines.slice(0, 10)]))
    const total = async ({ url }: { url: string }) => {
      const query = 'query ($id: UUID!) { dataset(id: $id) { eventCount } }'
      return (await graphql(url, query, { id: dataset }, 'test-root-api-key')).data?.dataset?.eventCount
    }
    await until(async () => (await total(first)) === 10)
    first.child.kill(signal)
    await first.exited
    importing.child.stdin?.write(fileOf(lines.slice(10, 20)))
    const second = await serve({ ...env })
    await until(async () => (await total(second)) === 20)
    importing.child.stdin?.end(fileOf(lines.slice(20)))
    expect(await importing.exited).toBe(0)
    const { read, recorded, duplicates, rejected } = JSON.parse(importing.output.stdout)
    // What was stored, but not answered, is sent again.
    expect([read, recorded + duplicates, rejected]).toEqual([count, count, 0])
    expect(await total(second)).toBe(count)
    second.child.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    // By itself, and once more: nothing is stored twice.
    const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
    await writeFile(file, fileOf([...head, ...lines]))
    const again = await command(['import', file, '--json'], { ...env })
    expect(JSON.parse(again.stdout)).toMatchObject({ recorded: 0, duplicates: count, rejected: 0 })
  },
)

test.skipIf(!faketimeInstalled)('An import whose server does not come back says so after two minutes', async () => {
  const env = await freshDatabase()
  const clock = settableClock(true)
  const server = await serve({ ...env })
  const importing = tidemark(['import', '-'], { ...env, ...clock.env }, 'pipe')
  const [organization, dataset] = [randomUUID(), randomUUID()]
  importing.child.stdin?.write(`${organizationLine(organization)}\n`)
  const query = 'query ($id: UUID!) { organization(id: $id) { id } }'
  await until(async () => {
    const { data } = await graphql(server.url, query, { id: organization }, 'test-root-api-key')
    return data.organization !== null
  })
  server.child.kill('SIGKILL')
  await server.exited
  importing.child.stdin?.end(fileOf([datasetLine(dataset, organization, { head: 1 }), workerLine(dataset, 1)]))
  let minutes = 0
  const passing = setInterval(() => clock.set(`+${++minutes}m`), 500)
  onTestFinished(() => clearInterval(passing))
  expect(await importing.exited).toBe(1)
  expect(importing.output.stderr).toMatch(/^The database has become unavailable\. Run the command again\.$/m)
  expect(importing.output.stdout).toMatch(/^recorded +0$/m)
})
