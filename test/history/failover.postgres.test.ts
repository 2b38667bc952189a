import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { migratePostgres } from '../../src/db/database.ts'
import { canMakeClusters, newCluster, newReplica } from '../support/cluster.ts'
import { positionIn } from '../support/cursor.ts'
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
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { type Edge, overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

// Two real clusters with replication.
const isPossible = canMakeClusters()

/** Minimum number of events before the replica falls behind, before the failover, and after it. `LONG=1` has more. */
const EVENTS = process.env.LONG ? 600 : 30

const FOLLOW = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq id } }
}`
const PAGE = `query ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST, first: 1000) {
    edges { cursor node { seq id } } pageInfo { hasNextPage }
  }
}`

/** What a client of a dataset knows: the id at each position, in order. */
class Reader {
  readonly seen: Edge[] = []
  errors = 0
  readonly #server: TestServer
  readonly #dataset: string

  constructor(server: TestServer, dataset: string) {
    this.#server = server
    this.#dataset = dataset
  }

  get ids(): string[] {
    return this.seen.map(({ node }) => node.id)
  }

  /** Takes in an edge, which must be the next one. */
  add(edge: Edge): void {
    expect(edge.node.seq).toBe(this.seen.length + 1)
    this.seen.push(edge)
  }

  /** Follows the dataset as the documentation says, until the event with this id has come. */
  async follow(subscribe: Subscribe, last: string): Promise<void> {
    while (this.seen.at(-1)?.node.id !== last) {
      const after = this.seen.at(-1)?.cursor
      const subscription = subscribe(this.#server.url, this.#server.rootKey, FOLLOW, { id: this.#dataset, after })
      let edges: Edge[] | undefined = []
      while (edges && this.seen.at(-1)?.node.id !== last) {
        edges = await subscription.take(1).catch(() => undefined)
        for (const edge of edges ?? []) this.add(edge)
      }
      if (!edges && (await subscription.failure()) === 'CURSOR_EXPIRED') await this.goBack()
      await subscription.end()
    }
  }

  /** Reads pages to the end. */
  async page(): Promise<void> {
    for (;;) {
      const after = this.seen.at(-1)?.cursor
      const { data, errors } = await this.#server.graphql(PAGE, { id: this.#dataset, after })
      if (errors?.[0]?.extensions.code === 'CURSOR_EXPIRED') await this.goBack()
      if (!data) continue
      for (const edge of data.workerEvents.edges) this.add(edge)
      if (!data.workerEvents.pageInfo.hasNextPage) return
    }
  }

  /** Forgets what the database has lost, as it says. */
  async goBack(): Promise<void> {
    await until(async () => {
      const { errors } = await this.#server.graphql(PAGE, { id: this.#dataset, after: this.seen.at(-1)?.cursor })
      const { code, reason, cursor } = (errors?.[0]?.extensions ?? {}) as Partial<Record<string, string>>
      if (code === 'UNAVAILABLE') return false
      expect({ code, reason }).toEqual({ code: 'CURSOR_EXPIRED', reason: 'EPOCH_CHANGED' })
      this.seen.splice(positionIn(cursor as string))
      return true
    })
    this.errors++
  }
}

test.runIf(isPossible)('A failover to a replica that is behind loses no event in silence, for any reader', async () => {
  await using primary = await newCluster()
  await using replication = await tcpProxy(primary.url)
  await using replica = await newReplica(replication.url)
  await query(primary.url, 'CREATE DATABASE tidemark')
  const original = databaseUrl(primary.url, 'tidemark')
  await migratePostgres(original)
  await using database = await tcpProxy(original)
  const settings = { DATA_DIR: inject('scratch'), DATABASE_URL: database.url }
  await using node = await startServer(settings)
  await using other = await startServer(settings)
  const organization = await newOrganization(node)
  const dataset = await newDataset(node, organization)
  const report = await newReport(node, organization)

  const acknowledged: Recorded[] = []
  let writing = true
  async function writer(server: TestServer): Promise<void> {
    while (writing) {
      const events = Array.from({ length: 3 }, () => ({ id: randomUUID(), eventType: 'ETL_STARTED' }))
      // Retries with the same ids until they are acknowledged, regardless of what the database does.
      await until(async () => {
        const { data } = await server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
        if (data) acknowledged.push(...data.recordWorkerEvents.results)
        return Boolean(data)
      })
    }
  }
  const more = async () => {
    const goal = acknowledged.length + EVENTS
    await until(() => acknowledged.length >= goal)
  }
  const progress = (message: string) => ({ progress: { variant: 'EDITING', message } })
  const stream = (id: string | undefined) =>
    fetch(`${other.url}/api/v1/reports/${report}/events`, {
      headers: { authorization: `Bearer ${other.rootKey}`, accept: 'text/event-stream', 'last-event-id': String(id) },
    })

  const end = randomUUID()
  const followers = [node, other].flatMap((server) =>
    [overWebSocket, overSse].map((subscribe) => ({ subscribe, reader: new Reader(server, dataset) })),
  )
  const following = followers.map(({ reader, subscribe }) => reader.follow(subscribe, end))
  const [pager, idle] = [new Reader(node, dataset), new Reader(other, dataset)]
  const writers = [writer(node), writer(other)]
  await more()
  await idle.page()
  const [kept] = await recordReportEvents(node, report, [progress('kept')])
  const [flushed] = await query<{ lsn: string }>(primary.url, 'SELECT pg_current_wal_flush_lsn() AS lsn')
  const isThere = `SELECT WHERE pg_last_wal_replay_lsn() >= '${flushed?.lsn}'`
  await until(async () => (await query(replica.url, isThere)).length === 1)
  await replication.cut()
  await more()
  const [lost] = await recordReportEvents(node, report, [progress('lost')])
  await pager.page()
  const ahead = pager.seen.length
  await until(() => followers.every(({ reader }) => reader.seen.length >= ahead))

  await database.cut()
  await primary.crash()
  await replica.promote()
  await database.restore(replica.url)
  await more()
  writing = false
  await Promise.all(writers)
  await recordReportEvents(node, report, [progress('new')])

  // Producers send again what they still have.
  const ids = [...new Set(acknowledged.map(({ id }) => id))]
  const again: Recorded[] = []
  for (let i = 0; i < ids.length; i += 500)
    again.push(
      ...(await recordWorkerEvents(
        node,
        dataset,
        ids.slice(i, i + 500).map((id) => ({ id, eventType: 'ETL_STARTED' })),
      )),
    )
  const restored = again.filter(({ outcome }) => outcome === 'RECORDED').length
  expect(restored).toBeGreaterThanOrEqual(EVENTS)
  expect(again.filter(({ outcome }) => outcome === 'DUPLICATE').length).toBe(ids.length - restored)
  await recordWorkerEvents(node, dataset, [{ id: end, eventType: 'ETL_COMPLETED' }])
  await Promise.all(following)

  const whole = new Reader(other, dataset)
  await whole.page()
  expect(whole.ids.toSorted()).toEqual([...ids, end].toSorted())
  // All have seen what was lost, and know what there is now.
  await pager.page()
  for (const { ids, errors } of [...followers.map(({ reader }) => reader), pager]) {
    expect(ids).toEqual(whole.ids)
    expect(errors).toBe(1)
  }
  // One that had not seen it reads on.
  await idle.page()
  expect([idle.ids, idle.errors]).toEqual([whole.ids, 0])

  // The operator sees it: by its timeline, and by what servers had read.
  await until(async () => {
    const { reason, changedStreams } = await historyOf(node)
    return reason === 'PROMOTED' && Number(changedStreams) >= 1
  })

  // Clients of the REST routes.
  const trieve = await fetch(`${other.url}/api/dataset/events`, {
    method: 'POST',
    headers: { authorization: other.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' },
    body: JSON.stringify({ page_size: 10_000 }),
  })
  const { events } = (await trieve.json()) as { events: { id: string }[] }
  expect(events.map(({ id }) => id)).toEqual(whole.ids.toReversed())
  expect((await stream(lost?.cursor)).status).toBe(422)
  const resumed = await stream(kept?.cursor)
  expect(resumed.status).toBe(200)
  await resumed.body?.cancel()
  const list = '{ reportEvents(reportId: "$id") { totalCount } }'.replace('$id', report)
  expect(expectData(await node.graphql(list)).reportEvents.totalCount).toBe(2)
})
