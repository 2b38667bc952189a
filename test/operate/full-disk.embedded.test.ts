import { randomUUID } from 'node:crypto'
import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, inject, onTestFinished, test } from 'vitest'
import { faketimeInstalled, settableClock } from '../support/clock.ts'
import { freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { eventLines, fileOf, workerLine } from '../support/lines.ts'
import { command, serve, tidemark } from '../support/process.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, recordWorkerEvents } from '../support/seed.ts'
import { graphql, metric, startServer, type TestServer } from '../support/server.ts'
import { canMount, smallDisk } from '../support/small-disk.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const MIB = 1_048_576
const KEY = 'test-root-api-key'

const KEEP_ONE =
  'mutation ($id: UUID!) { setRetention(of: { datasetId: $id }, policy: { maxEvents: 1 }) { maxEvents } }'

const MUTATIONS = [
  'mutation ($organization: UUID!) { createDataset(input: { organizationId: $organization, name: "a" }) { id } }',
  'mutation ($organization: UUID!) { createApiKey(input: { organizationId: $organization, role: READ }) { key } }',
  KEEP_ONE,
]

test.skipIf(!canMount)('Events are rejected before the disk is full, and read, and recorded again later', async () => {
  using disk = smallDisk()
  const DATA_DIR = join(disk.path, 'data')
  await cp(inject('template'), DATA_DIR, { recursive: true })
  await disk.leave(512 * MIB)
  {
    await using server = await startServer({ DATA_DIR })
    const dataset = await newDataset(server, await newOrganization(server))
    const events = [{ eventType: 'ETL_STARTED' }]
    const record = () => server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
    const lines = (text: string) => server.log.filter(({ msg }) => msg.includes(text))
    await recordWorkerEvents(server, dataset, [...events, ...events, ...events])
    const count = async () => {
      const query = `{ workerEvents(datasetId: "${dataset}") { totalCount nodes { seq } } }`
      return (await server.graphql(query)).data.workerEvents.totalCount
    }
    expect(lines('less than 1 GiB left')).toHaveLength(1)

    await disk.leave(40 * MIB)
    await until(async () => (await record()).errors !== undefined)
    expect((await record()).errors).toMatchObject([
      { message: expect.stringContaining('disk'), extensions: { code: 'UNAVAILABLE', retryAfter: 60 } },
    ])
    const kept = await count()
    await until(async () => (await fetch(`${server.url}/readyz`)).status === 503)
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ database: { writable: false } })
    expect(await metric(server.url, 'tidemark_disk_free_bytes')).toBeLessThan(256 * MIB)
    expect(lines('events are rejected')).toHaveLength(1)
    expect(await count()).toBe(kept)

    await disk.leave(512 * MIB)
    await until(async () => (await record()).errors === undefined)
    await server.graphql(KEEP_ONE, { id: dataset })
    await until(async () => (await count()) === 1)
    await until(async () => (await fetch(`${server.url}/readyz`)).status === 200)
  }
  expect((await doctor({ DATA_DIR })).found.disk).toMatchObject({ state: 'warning' })
  await disk.leave(40 * MIB)
  expect((await doctor({ DATA_DIR })).found.disk).toMatchObject({ state: 'problem' })
  // Then the database would stop while it opens.
  await disk.leave(8 * MIB)
  const full = expect.stringMatching(/^The disk of DATA_DIR is full: 8 MiB are free/)
  await expect(startServer({ DATA_DIR })).rejects.toMatchObject({ message: full })
  expect((await doctor({ DATA_DIR })).found.database).toMatchObject({ state: 'problem', found: full })
})

test.skipIf(!canMount)('While the disk is full, no request, task or command writes, and all can read', async () => {
  using disk = smallDisk()
  const DATA_DIR = join(disk.path, 'data')
  await cp(inject('template'), DATA_DIR, { recursive: true })
  await disk.leave(2_048 * MIB)
  await using server = await startServer({ DATA_DIR })
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
  await writeFile(
    file,
    fileOf(
      Array.from({ length: 3_000 }, (_, i) => workerLine(dataset, i + 2, { createdAt: new Date().toISOString() })),
    ),
  )

  await disk.leave(212 * MIB)
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503)
  const refused = { message: expect.stringContaining('read-only'), extensions: { code: 'UNAVAILABLE', retryAfter: 60 } }
  for (const mutation of MUTATIONS) {
    const { errors } = await server.graphql(mutation, { id: dataset, organization })
    expect(errors).toMatchObject([refused])
  }
  // Lists itself in the database, every two seconds.
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'
  const reader = overSse(server.url, server.rootKey, query, { id: dataset })
  await reader.start()
  expect(await reader.take(1)).toMatchObject([{ node: { seq: 1 } }])

  const run = (...args: string[]) => command(args, { DATA_DIR })
  const failed = { code: 1, stderr: expect.stringMatching(/^The database is read-only, .*Retry after 60 s\.\n$/) }
  const imported = await run('import', file)
  expect(imported).toMatchObject({ ...failed, stdout: expect.stringMatching(/^recorded +0$/m) })
  expect(await run('keys', 'create', '--organization', organization, '--role', 'read')).toMatchObject(failed)
  expect(await run('restore-epoch')).toMatchObject(failed)
  expect(await run('keys', 'list', '--organization', organization)).toMatchObject({ code: 0, stderr: '' })
  const exported = await run('export', '--dataset', dataset)
  expect(eventLines(exported.stdout)).toHaveLength(1)
  const { found } = await doctor({ DATA_DIR })
  expect(found).toMatchObject({ disk: { state: 'problem' }, counters: { state: 'ok' } })
  await setTimeout(4_500)
  expect(server.log.map(({ msg }) => msg)).toEqual(['the disk of DATA_DIR is full: events are rejected'])

  await disk.leave(2_048 * MIB)
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200)
  expect(await run('import', file)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^recorded +3000$/m) })
  expect(await reader.take(3_000)).toHaveLength(3_000)
  await reader.end()
})

test.skipIf(!canMount)(
  'A first start on a disk with too little space leaves no key behind that is not stored',
  async () => {
    using disk = smallDisk()
    const DATA_DIR = join(disk.path, 'data')
    await cp(inject('template'), DATA_DIR, { recursive: true })
    await disk.leave(200 * MIB)
    const refused = tidemark(['serve'], { DATA_DIR, PORT: '0' })
    expect(await refused.exited).toBe(1)
    expect(refused.output.stderr).toMatch(/^\{.*\}\nThe database is read-only, .*Retry after 60 s\.\n$/)
    const keys = async () => (await readdir(DATA_DIR)).filter((name) => name.startsWith('root-api-key'))
    expect(await keys()).toEqual([])
    await disk.leave(2_048 * MIB)
    const server = tidemark(['serve'], { DATA_DIR, PORT: '0' })
    await server.line(/^Root API key: see /)
    expect(await keys()).toEqual(['root-api-key'])
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  },
)

test.runIf(faketimeInstalled)('A server that spins, as on a full disk, is ended, and loses no event', async () => {
  const [env, clock] = [await freshDatabase(), settableClock(true)]
  const spin = "process.on('SIGUSR2', () => { for (;;); })"
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(spin)}`
  const server = await serve({ ...env, ...clock.env, NODE_OPTIONS })
  onTestFinished(() => void server.child.kill('SIGKILL'))
  const ask = (url: string) => (query: string, variables?: object) => graphql(url, query, variables, KEY)
  const first = { url: server.url, graphql: ask(server.url) } as TestServer
  const dataset = await newDataset(first, await newOrganization(first))
  await recordWorkerEvents(first, dataset, [{ eventType: 'ETL_STARTED' }])
  server.child.kill('SIGUSR2')
  server.child.kill('SIGTERM')
  // A minute passes in two seconds.
  clock.set('+0s x30')
  expect(await server.exited).toBeNull()
  expect(server.output.stderr).toMatch(/"level":60,.*the main thread has not run for 60 s.*\n$/)
  const next = await serve(env)
  onTestFinished(() => void next.child.kill('SIGKILL'))
  const query = `{ workerEvents(datasetId: "${dataset}") { totalCount } }`
  expect((await ask(next.url)(query)).data.workerEvents.totalCount).toBe(1)
})
