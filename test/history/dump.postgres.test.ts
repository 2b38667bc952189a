import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { canDump, dump, restoreDump } from '../support/cluster.ts'
import { historyOf } from '../support/history.ts'
import { databaseUrl, query } from '../support/postgres.ts'
import {
  newDataset,
  newOrganization,
  newReport,
  RECORD_WORKER_EVENTS,
  type Recorded,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const FOLLOW = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after, from: BEGINNING) { cursor node { seq eventData } }
}`
const PAGE = 'query ($id: UUID!, $after: String) { workerEvents(datasetId: $id, after: $after) { totalCount } }'

const events = (text: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: randomUUID(),
    eventType: 'ETL_STARTED',
    eventData: `${text} ${i + 1}`,
  }))

test.runIf(canDump())('A dump that is restored under running servers loses no event in silence', async () => {
  await using one = await startServer()
  await using other = await startServer(one.env)
  const organization = await newOrganization(one)
  const [dataset, report] = [await newDataset(one, organization), await newReport(one, organization)]
  const progress = (message: string) => ({ progress: { variant: 'EDITING', message } })
  const kept = events('kept', 5)
  const ofKept = await recordWorkerEvents(one, dataset, kept)
  const [keptOfReport] = await recordReportEvents(one, report, [progress('kept')])
  const database = one.env.DATABASE_URL as string
  const file = join(inject('scratch'), `${randomUUID()}.dump`)
  await dump(database, file)
  const lost = events('lost', 3)
  const ofLost = await recordWorkerEvents(one, dataset, lost)
  const [lostOfReport] = await recordReportEvents(one, report, [progress('lost')])
  const open = (after?: string) =>
    [one, other].flatMap(({ url, rootKey }) =>
      [overWebSocket, overSse].map((transport) => transport(url, rootKey, FOLLOW, { id: dataset, after })),
    )
  const ahead = open()
  for (const subscription of ahead) await subscription.take(8)

  const [server, name] = [databaseUrl(database, 'postgres'), new URL(database).pathname.slice(1)]
  await query(server, `DROP DATABASE ${name} WITH (FORCE)`)
  await query(server, `CREATE DATABASE ${name}`)
  await restoreDump(file, database)
  let added: Recorded[] = []
  await until(async () => {
    const { data, errors } = await other.graphql(RECORD_WORKER_EVENTS, { id: dataset, events: events('new', 3) })
    added = data?.recordWorkerEvents?.results
    // The tables may not be there yet for a statement on an old connection.
    return errors === undefined
  })
  expect(added.map(({ seq }) => seq)).toEqual([6, 7, 8])

  // Each reader of missing events gets an error, on every server and transport, and all others continue.
  for (const subscription of ahead) expect(await subscription.failure()).toBe('CURSOR_EXPIRED')
  const { errors } = await one.graphql(PAGE, { id: dataset, after: ofLost[0]?.cursor })
  const { reason, cursor } = (errors?.[0]?.extensions ?? {}) as { reason?: string; cursor?: string }
  expect(reason).toBe('EPOCH_CHANGED')
  for (const after of [cursor, ofKept[4]?.cursor])
    for (const subscription of open(after)) {
      expect((await subscription.take(3)).map(({ node }) => node.eventData)).toEqual(['new 1', 'new 2', 'new 3'])
      await subscription.end()
    }
  const again = await recordWorkerEvents(one, dataset, [...kept, ...lost])
  expect(again.map(({ outcome }) => outcome)).toEqual([...Array(5).fill('DUPLICATE'), ...Array(3).fill('RECORDED')])

  await until(async () => {
    const { reason, changedStreams } = await historyOf(other)
    return reason === 'RECREATED' && changedStreams === 1
  })

  // Clients of the REST routes.
  const list = await fetch(`${other.url}/api/v1/reports/${report}/events`, {
    headers: { authorization: `Bearer ${other.rootKey}` },
  })
  expect(await list.json()).toMatchObject([{ event_data: { msg: 'kept' } }])
  for (const [id, status] of [
    [lostOfReport?.cursor, 422],
    [keptOfReport?.cursor, 200],
  ] as const) {
    const response = await fetch(`${one.url}/api/v1/reports/${report}/events`, {
      headers: { authorization: `Bearer ${one.rootKey}`, accept: 'text/event-stream', 'last-event-id': String(id) },
    })
    expect(response.status).toBe(status)
    await response.body?.cancel()
  }
  const trieve = await fetch(`${one.url}/api/dataset/events`, {
    method: 'POST',
    headers: { authorization: one.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' },
    body: '{"page_size":20}',
  })
  const page = (await trieve.json()) as { events: { event_data: string }[] }
  expect(page.events).toHaveLength(11)
})
