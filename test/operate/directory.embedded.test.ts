import { randomUUID } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { command, serve, tidemark } from '../support/process.ts'
import { RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, graphql } from '../support/server.ts'
import { canMount, smallDisk } from '../support/small-disk.ts'

const KEY = 'test-root-api-key'

test('A second process on the same directory fails at once and names the first, which continues', async () => {
  const env = await freshDatabase()
  const first = await serve(env)
  const second = tidemark(['serve'], { ...env, PORT: '0' })
  expect(await second.exited).toBe(1)
  expect(second.output.stderr).toContain(`in use by process ${first.child.pid}`)
  expectData(await graphql(first.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, KEY))
  first.child.kill('SIGTERM')
  expect(await first.exited).toBe(0)
})

test('A killed process leaves no lock or socket, and every acknowledged event is stored once', async () => {
  const env = await freshDatabase()
  const acknowledged = new Map<string, number>()
  let dataset = ''
  for (let round = 0; round < 2; round++) {
    const server = await serve(env)
    if (!dataset) {
      const { createOrganization } = expectData(
        await graphql(server.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, KEY),
      )
      const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
      dataset = expectData(await graphql(server.url, create, { input: { organizationId: createOrganization.id } }, KEY))
        .createDataset.id
    }
    // Writers continue until the kill breaks their connection; what was acknowledged before that counts.
    let answered = 0
    const writer = async () => {
      for (;;) {
        const id = randomUUID()
        const result = await graphql(
          server.url,
          RECORD_WORKER_EVENTS,
          { id: dataset, events: [{ id, eventType: 'ETL_STARTED' }] },
          KEY,
        )
        acknowledged.set(id, expectData(result).recordWorkerEvents.results[0].seq)
        if (++answered === 40) server.child.kill('SIGKILL')
      }
    }
    await Promise.allSettled([writer(), writer(), writer()])
    expect(await server.exited).toBeNull()
  }
  const server = await serve(env)
  const query =
    'query ($id: UUID!) { workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) { totalCount ' +
    'nodes { id seq } } }'
  const { totalCount, nodes } = expectData(await graphql(server.url, query, { id: dataset }, KEY)).workerEvents
  expect(nodes.map((node: { seq: number }) => node.seq)).toEqual(Array.from({ length: totalCount }, (_, i) => i + 1))
  const stored = new Map(nodes.map((node: { id: string; seq: number }) => [node.id, node.seq]))
  for (const [id, seq] of acknowledged) expect(stored.get(id)).toBe(seq)
  expect(acknowledged.size).toBeGreaterThanOrEqual(80)
  // A retry of an acknowledged event returns its first position.
  const [id, seq] = [...acknowledged][0] as [string, number]
  const retry = await graphql(
    server.url,
    RECORD_WORKER_EVENTS,
    { id: dataset, events: [{ id, eventType: 'ETL_STARTED' }] },
    KEY,
  )
  expect(expectData(retry).recordWorkerEvents.results).toMatchObject([{ seq, outcome: 'DUPLICATE' }])
  expect(await command(['restore-epoch'], { ...env })).toMatchObject({ code: 0, stderr: '' })
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

/** All modes in a folder, including its own: of folders and of files. */
async function modesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const paths = [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))]
  const modes = paths.map(async (path) => {
    const stats = await lstat(path)
    return `${stats.isDirectory() ? 'd' : 'f'}${(stats.mode & 0o777).toString(8)}`
  })
  return [...new Set(await Promise.all(modes))].sort()
}

/** Makes a folder accessible to all users, like a copied one may be. */
async function openToAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o777 : 0o666)
  await chmod(folder, 0o755)
}

const PRIVATE = ['d700', 'f600']

describe('DATA_DIR', () => {
  test('is inaccessible to other users from the first start', async () => {
    // The umask of the test run is not set for this.
    expect(await modesIn(inject('template'))).toEqual(PRIVATE)
  })

  test('is made inaccessible with all its contents at the next start, for any umask, and remains so', async () => {
    const { DATA_DIR } = await freshDatabase()
    for (const name of ['root-api-key', 'root-api-key.until-2026-11-22T06-00-00.000Z'])
      await writeFile(join(DATA_DIR, name), 'x\n')
    await openToAll(DATA_DIR)
    const before = await doctor({ DATA_DIR })
    expect(before.status).toBe(1)
    expect(before.found.folder).toMatchObject({ state: 'problem', found: expect.stringContaining('755') })
    expect((await stat(DATA_DIR)).mode & 0o777).toBe(0o755)

    const umask = process.umask(0)
    const starting = serve({ DATA_DIR, ROOT_API_KEY: undefined })
    process.umask(umask)
    const server = await starting
    expect(await modesIn(DATA_DIR)).toEqual(PRIVATE)
    const key = (await readFile(join(DATA_DIR, 'root-api-key'), 'utf8')).trim()
    expectData(await graphql(server.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key))
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(await modesIn(DATA_DIR)).toEqual(PRIVATE)
    expect((await doctor({ DATA_DIR })).found.folder).toMatchObject({ state: 'ok' })
  })

  async function startError(DATA_DIR: string): Promise<string> {
    const { exited, output } = tidemark(['serve'], { DATA_DIR, PORT: '0' })
    expect(await exited).toBe(1)
    expect(output.stderr.trim().split('\n')).toHaveLength(1)
    return output.stderr
  }

  test('is left unchanged and unused if other users can access it and it contains other files', async () => {
    const folder = join(inject('scratch'), randomUUID())
    await mkdir(folder)
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'notes.txt'), 'x')
    expect(await startError(folder)).toMatch(/^DATA_DIR cannot be used: other users can access .* \(mode 755\)/)
    expect((await stat(folder)).mode & 0o777).toBe(0o755)
    expect(await readdir(folder)).toEqual(['notes.txt'])
  })

  test.runIf(process.geteuid?.() === 0)('is not used if it belongs to another user', async () => {
    const { DATA_DIR } = await freshDatabase()
    await chown(DATA_DIR, 65_534, 65_534)
    expect(await startError(DATA_DIR)).toMatch(/^DATA_DIR cannot be used: .* belongs to another user/)
    expect((await doctor({ DATA_DIR })).found.database?.found).toMatch(/belongs to another user/)
  })

  test('is not used if its lock file is a link', async () => {
    const folder = join(inject('scratch'), randomUUID())
    const elsewhere = join(inject('scratch'), randomUUID())
    await writeFile(elsewhere, 'precious')
    await mkdir(folder)
    await symlink(elsewhere, join(folder, 'tidemark.lock'))
    expect(await startError(folder)).toMatch(/^DATA_DIR cannot be used: ELOOP/)
    expect(await readFile(elsewhere, 'utf8')).toBe('precious')
  })

  test('is not used if its database is a link, which two folders could share', async () => {
    const [folder, elsewhere] = [join(inject('scratch'), randomUUID()), join(inject('scratch'), randomUUID())]
    for (const each of [folder, elsewhere]) await mkdir(each)
    await symlink(elsewhere, join(folder, 'pglite'))
    expect(await startError(folder)).toMatch(/pglite is a link\. Make DATA_DIR itself a link/)
    expect(await readdir(elsewhere)).toEqual([])
  })

  test.skipIf(!canMount)(
    'is not used if its database would be in a mount point, which two folders could share',
    async () => {
      const folder = join(inject('scratch'), randomUUID())
      const path = join(folder, 'pglite')
      await mkdir(path, { recursive: true })
      using _disk = smallDisk(path)
      expect(await startError(folder)).toMatch(/pglite is a mount point\. Make DATA_DIR itself a mount point/)
      expect(await readdir(path)).toEqual([])
    },
  )
})
