import { expect, inject, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { tidemark } from '../support/process.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']

test('A healthy database has no problem, and each changed counter is named', async () => {
  const env = await freshDatabase()
  const datasets: string[] = []
  {
    await using server = await startServer(env)
    const organization = await newOrganization(server)
    for (let i = 0; i < 8; i++) {
      const dataset = await newDataset(server, organization)
      datasets.push(dataset)
      // The last one is empty. The others cross marks, in several appends.
      for (let batch = 0; batch < (i < 7 ? 3 : 0); batch++) {
        const events = Array.from({ length: 50 }, (_, n) => ({ eventType: TYPES[(n + batch) % 3] }))
        await recordWorkerEvents(server, dataset, events)
      }
    }
    // The last but one has been trimmed.
    const set =
      'mutation ($id: UUID!) { setRetention(of: { datasetId: $id }, policy: { maxEvents: 77 }) { maxEvents } }'
    expectData(await server.graphql(set, { id: datasets[6] }))
    const count = 'query ($id: UUID!) { workerEvents(datasetId: $id, first: 0) { totalCount } }'
    await until(async () => expectData(await server.graphql(count, { id: datasets[6] })).workerEvents.totalCount === 77)
  }
  const { status, found } = await doctor({ ...env })
  expect(status).toBe(0)
  expect(found.counters).toMatchObject({ state: 'ok', found: expect.stringContaining('all 8 streams') })
  for (const check of ['settings', 'database', 'migrations', 'times'])
    expect(found[check]).toMatchObject({ state: 'ok' })
  if (inject('mode') === 'embedded') expect(found.disk?.found).toMatch(/^\d+ MiB are free/)

  const [head, count, none, mark, event, gap] = datasets
  await runSql(
    env,
    `UPDATE stream SET head = 151 WHERE id = '${head}';
     UPDATE event_count SET n = n + 1 WHERE stream_id = '${count}' AND type = 'etl_failed';
     DELETE FROM event_count WHERE stream_id = '${none}' AND type = 'etl_failed';
     UPDATE event_mark SET seq = seq + 1 WHERE stream_id = '${mark}' AND type = 'etl_failed' AND ordinal = 33;
     DELETE FROM event WHERE stream_id = '${event}' AND seq = 150;
     UPDATE event SET seq = 160 WHERE stream_id = '${gap}' AND seq = 150;
     UPDATE stream SET last_at = clock_timestamp() + interval '1 hour' WHERE id = '${head}'`,
  )
  const broken = await doctor({ ...env })
  expect(broken.status).toBe(1)
  expect(broken.found.times).toMatchObject({
    state: 'warning',
    details: [expect.stringMatching(new RegExp(`^stream ${head}: 3[56]\\d\\d s$`))],
  })
  expect(broken.found.counters).toMatchObject({ state: 'problem', found: expect.stringContaining('6 of 8 streams') })
  expect(new Set(broken.found.counters?.details)).toEqual(
    new Set([
      `stream ${head}: its positions are 1 to 151, and it holds 150 events, at 1 to 150`,
      `stream ${count}: its counts of etl_failed are not those of its events`,
      `stream ${none}: its counts of etl_failed are not those of its events`,
      `stream ${mark}: 2 of its marks are wrong or missing`,
      expect.stringMatching(
        `stream ${event}: its positions are 1 to 150, and it holds 149 events, at 1 to 149; its counts of \\w+ are ` +
          `not those of its events`,
      ),
      `stream ${gap}: its positions are 1 to 150, and it holds 150 events, at 1 to 160`,
    ]),
  )
})

test('A stream that takes several statements to read is checked as a whole', async () => {
  const env = await freshDatabase()
  const server = await startServer(env)
  const dataset = await newDataset(server, await newOrganization(server))
  // One more than two statements read, so that the ranges also meet; the types are not spread evenly.
  for (let batch = 0; batch < 41; batch++) {
    const events = Array.from({ length: batch < 40 ? 1_000 : 1 }, (_, n) => ({
      eventType: batch < 20 && n > 0 ? TYPES[n % 2] : TYPES[n % 3],
    }))
    await recordWorkerEvents(server, dataset, events)
  }
  // Beside the server, and after it has removed some.
  expect((await doctor({ ...env })).found.counters).toMatchObject({ state: 'ok' })
  const set =
    'mutation ($id: UUID!) { setRetention(of: { datasetId: $id }, policy: { maxEvents: 39990 }) { maxEvents } }'
  expectData(await server.graphql(set, { id: dataset }))
  const count = 'query ($id: UUID!) { workerEvents(datasetId: $id, first: 0) { totalCount } }'
  await until(async () => expectData(await server.graphql(count, { id: dataset })).workerEvents.totalCount === 39_990)
  expect((await doctor({ ...env })).found.counters).toMatchObject({ state: 'ok' })
  await server[Symbol.asyncDispose]()
  await runSql(
    env,
    `UPDATE event_count SET n = n + 1 WHERE stream_id = '${dataset}' AND type = 'etl_failed';
     UPDATE event_mark SET seq = seq + 1 WHERE stream_id = '${dataset}' AND type = 'file_uploaded' AND ordinal IN (97,
     16001);
     DELETE FROM event_mark WHERE stream_id = '${dataset}' AND type = 'etl_failed' AND ordinal = 6017;
     UPDATE event SET seq = 40005 WHERE stream_id = '${dataset}' AND seq = 40001`,
  )
  expect((await doctor({ ...env })).found.counters?.details).toEqual([
    `stream ${dataset}: its positions are 12 to 40001, and it holds 39990 events, at 12 to 40005; ` +
      'its counts of etl_failed are not those of its events; 5 of its marks are wrong or missing',
  ])
})

test('All invalid settings are named, one per line', async () => {
  const { exited, output } = tidemark(['doctor'], { PORT: 'x', LOG_LEVEL: 'loud' })
  expect(await exited).toBe(1)
  const [line, ...details] = output.stdout.trim().split('\n')
  expect(line).toMatch(/^problem {2}settings +Invalid settings/)
  expect(details.map((detail) => detail.trim().split(' ')[0])).toEqual(['PORT', 'LOG_LEVEL'])
})

test('A variable that is probably a misspelled setting is a warning', async () => {
  const { found } = await doctor({ ...(await freshDatabase()), REDSI_URL: 'redis://127.0.0.1' })
  expect(found.settings).toMatchObject({
    state: 'warning',
    found: 'REDSI_URL is not a setting. Did you mean REDIS_URL?',
  })
})

test.runIf(inject('mode') === 'embedded')('An embedded database is not created', async () => {
  const none = { DATA_DIR: `${(await freshDatabase()).DATA_DIR}-none` }
  for (let i = 0; i < 2; i++)
    expect((await doctor(none)).found.database).toMatchObject({ found: expect.stringContaining('no database yet') })
})
