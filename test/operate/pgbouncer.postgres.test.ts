import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { eventLines } from '../support/lines.ts'
import { pgbouncer, pgbouncerInstalled } from '../support/pgbouncer.ts'
import { command } from '../support/process.ts'
import { newDataset, newOrganization, newReport, RECORD_WORKER_EVENTS, recordReportEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const CALLS = 30

const FOLLOW = `subscription ($id: UUID!) {
  workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq id } } }`
const PAGE = `query ($id: UUID!) {
  workerEvents(datasetId: $id, types: [ETL_STARTED], first: 1000, order: OLDEST_FIRST) { totalCount nodes { id } } }`

test.skipIf(!pgbouncerInstalled)('Servers and commands work through PgBouncer in transaction mode', async () => {
  const env = await freshDatabase()
  // Fewer sessions than the servers have connections, so each session serves many.
  await using bouncer = await pgbouncer(String(env.DATABASE_URL), 4)
  const pooled = { ...env, DATABASE_URL: bouncer.url }
  await using one = await startServer(pooled)
  await using other = await startServer(pooled)
  const organization = await newOrganization(one)
  const dataset = await newDataset(other, organization)
  const report = await newReport(one, organization)
  const live = [overWebSocket, overSse].map((transport) => transport(other.url, other.rootKey, FOLLOW, { id: dataset }))

  const ids = Array.from({ length: CALLS }, () => randomUUID())
  const appended = ids.map((id, i) =>
    [one, other][i % 2]?.graphql(RECORD_WORKER_EVENTS, { id: dataset, events: [{ id, eventType: 'ETL_STARTED' }] }),
  )
  const read = ids.map((_, i) => [one, other][i % 2]?.graphql(PAGE, { id: dataset }))
  for (const result of await Promise.all([...appended, ...read])) expect(result?.errors).toBeUndefined()
  const { totalCount, nodes } = expectData(await one.graphql(PAGE, { id: dataset })).workerEvents
  expect(totalCount).toBe(CALLS)
  const inOrder = nodes.map(({ id }: { id: string }) => id)
  expect(inOrder.toSorted()).toEqual(ids.toSorted())
  // Found by polling: notifications come through by chance, when PgBouncer lends the session that listens.
  for (const subscription of live) {
    expect((await subscription.take(CALLS)).map(({ node }) => node.id)).toEqual(inOrder)
    await subscription.end()
  }
  await recordReportEvents(one, report, [{ state: { message: 'done', state: 'COMPLETED' } }])
  expect((await fetch(`${one.url}/readyz`)).status).toBe(200)

  const { status, found } = await doctor(pooled)
  expect(status).toBe(0)
  expect(found).toMatchObject({ session: { state: 'ok' }, counters: { state: 'ok' } })
  const exported = await command(['export', '--dataset', dataset], pooled)
  expect(eventLines(exported.stdout)).toHaveLength(CALLS)
  const created = await command(['keys', 'create', '--organization', organization, '--role', 'read'], pooled)
  expect(created).toMatchObject({ code: 0, stderr: '' })

  await bouncer.restart()
  for (const server of [one, other])
    await until(async () => {
      const { errors } = await server.graphql(PAGE, { id: dataset })
      expect(errors?.[0]?.extensions.code ?? 'UNAVAILABLE').toBe('UNAVAILABLE')
      return errors === undefined
    })
})
