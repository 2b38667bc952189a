import { describe, expect, onTestFinished, test } from 'vitest'
import { faketimeInstalled, settableClock } from '../support/clock.ts'
import { freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { type Process, serve } from '../support/process.ts'
import { keepInDataset, keptIn, swept } from '../support/retention.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, serverAt, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

// The clock of the embedded database is that of the process.

const MONTH = 30 * 86_400
const EVENT = { eventType: 'ETL_STARTED' }
const NEWEST = 'query ($id: UUID!) { workerEvents(datasetId: $id, first: 2) { nodes { createdAt } } }'

async function start(env: Record<string, string | undefined>): Promise<Process & { server: TestServer }> {
  const started = await serve(env)
  onTestFinished(() => void started.child.kill('SIGKILL'))
  return { ...started, server: serverAt(started.url) }
}

async function stop({ child, exited }: Process): Promise<void> {
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
}

describe.runIf(faketimeInstalled)('A clock that is set 40 days ahead', () => {
  test('removes nothing while it is, and events go on in order after it is set right', async () => {
    const [env, clock] = [await freshDatabase(), settableClock()]
    const first = await start({ ...env, ...clock.env })
    const dataset = await newDataset(first.server, await newOrganization(first.server))
    await recordWorkerEvents(first.server, dataset, [EVENT, EVENT, EVENT])
    await keepInDataset(first.server, dataset, { maxAgeSeconds: MONTH })
    await swept(first.server)
    clock.set('+40d')
    await swept(first.server)
    expect(await keptIn(first.server, dataset)).toBe(3)
    await recordWorkerEvents(first.server, dataset, [EVENT])
    expect(first.output.stderr).toContain('the database clock was set')
    await stop(first)

    // Neither a new process nor an event of that time makes it right.
    const second = await start({ ...env, ...clock.env })
    await swept(second.server)
    expect(await keptIn(second.server, dataset)).toBe(4)
    clock.set('+0s')
    await recordWorkerEvents(second.server, dataset, [EVENT])
    await swept(second.server)
    const { nodes } = expectData(await second.server.graphql(NEWEST, { id: dataset })).workerEvents
    const [after, before] = nodes.map(({ createdAt }: { createdAt: string }) => Date.parse(createdAt))
    expect(after - before).toBe(1)
    expect(await metric(second.server.url, 'tidemark_stream_time_ahead_seconds')).toBeGreaterThan(39 * 86_400)
    expect(second.output.stderr).toContain('streams have events later than the database clock')
    await stop(second)
    expect((await doctor({ ...env })).found.times).toMatchObject({
      state: 'warning',
      details: expect.arrayContaining([expect.stringContaining(dataset)]),
    })
  })

  test('is followed when it has been steady for an hour, as after a time without a server', async () => {
    const [env, clock] = [await freshDatabase(), settableClock(true)]
    const first = await start({ ...env, ...clock.env })
    const dataset = await newDataset(first.server, await newOrganization(first.server))
    await recordWorkerEvents(first.server, dataset, [EVENT, EVENT, EVENT])
    await keepInDataset(first.server, dataset, { maxAgeSeconds: MONTH })
    await stop(first)
    clock.set(`+${40 * 24}h`)
    const second = await start({ ...env, ...clock.env })
    await swept(second.server)
    expect(await keptIn(second.server, dataset)).toBe(3)
    clock.set(`+${40 * 24 + 2}h`)
    // Idle connections are closed after so long, some of them while a request is sent.
    await until(() =>
      swept(second.server).then(
        () => true,
        () => false,
      ),
    )
    expect(await keptIn(second.server, dataset)).toBe(0)
    await stop(second)
  })
})
