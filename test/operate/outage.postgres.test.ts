import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { graphql, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const KEY = 'test-root-api-key'
const SOME = 'query { organizations(first: 1) { nodes { id } } }'

test('Readers that are catching up survive a database outage, and continue from their position', async () => {
  await using server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  const count = 600
  const events = Array.from({ length: count }, () => ({ eventType: 'ETL_STARTED' }))
  await recordWorkerEvents(server, dataset, events)
  const query = `subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }`
  // Their pages are read while the table has another name.
  await runSql(server.env, 'ALTER TABLE event RENAME TO elsewhere')
  const readers = [overWebSocket, overSse].map((subscribe) => subscribe(server.url, KEY, query, { id: dataset }))
  onTestFinished(async () => {
    for (const reader of readers) await reader.end()
  })
  await server.followers(2)
  for (const reader of readers) await reader.start()
  await runSql(server.env, 'ALTER TABLE elsewhere RENAME TO event')
  for (const reader of readers) {
    const seqs = (await reader.take(count)).map(({ node }) => node.seq)
    expect(seqs).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  }
})

test('A subscription to a report ends only after all events acknowledged before it began are delivered', async () => {
  const env = await freshDatabase()
  // These two find each other's events only by polling.
  const alone = { ...env, REDIS_URL: 'redis://127.0.0.1:1' }
  await using here = await startServer(alone)
  await using there = await startServer(alone)
  const organization = await newOrganization(here)
  const query = `subscription ($id: UUID!, $pastEnd: Boolean) {
    reportEvents(reportId: $id, from: BEGINNING, pastEnd: $pastEnd) { cursor node { ... on ReportEventItem { seq } } }
  }`
  for (let i = 0; i < 5; i++) {
    const report = await newReport(here, organization)
    const first = overSse(here.url, KEY, query, { id: report, pastEnd: true })
    await here.followers(1)
    await recordReportEvents(here, report, [{ state: { message: 'done', state: 'COMPLETED' } }])
    await first.take(1)
    await recordReportEvents(there, report, [{ progress: { variant: 'EDITING', message: 'last words' } }])
    const second = overSse(here.url, KEY, query, { id: report })
    expect((await second.rest()).map(({ node }) => node.seq)).toEqual([1, 2])
    await first.end()
    await here.followers(0)
  }
})

// A process of its own, as an error that nothing listens to would end it.
test('A server goes on after all of its connections to the database have broken', async () => {
  const env = await freshDatabase()
  const { url, child, exited } = await serve(env)
  onTestFinished(() => void child.kill('SIGKILL'))
  const works = async () => {
    // By connections of different pools.
    const { data } = await graphql(url, SOME, {}, KEY)
    return (await fetch(`${url}/readyz`)).status === 200 && data?.organizations.nodes.length === 0
  }
  const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`
  for (let i = 0; i < 3; i++) {
    await until(works)
    expect(await runSql(env, ended)).not.toEqual([])
  }
  await until(works)
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})
