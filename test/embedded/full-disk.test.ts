import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { doctor } from '../support/doctor.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, recordWorkerEvents } from '../support/seed.ts'
import { metric, startServer } from '../support/server.ts'
import { canMount, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const MIB = 1_048_576

const KEEP_ONE =
  'mutation ($id: UUID!) { setRetention(of: { datasetId: $id }, policy: { maxEvents: 1 }) { maxEvents } }'

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
    // Removing events would write, too.
    await server.graphql(KEEP_ONE, { id: dataset })
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
