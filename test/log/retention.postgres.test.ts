import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { holdingProxy } from '../support/holding-proxy.ts'
import { serve } from '../support/process.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, graphql, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

// A million in `npm run test:long`.
const EVENTS = process.env.LONG ? 1_000_000 : 20_000
const STEPS = 8
const PAGE_SIZE = 50

const SET = `mutation ($id: UUID!, $maxEvents: SafeInt!) {
  setRetention(of: { datasetId: $id }, policy: { maxEvents: $maxEvents }) { maxEvents }
}`
const PAGE = `query ($id: UUID!, $types: [WorkerEventType!], $page: Int!) {
  workerEventPage(datasetId: $id, types: $types, page: $page, pageSize: ${PAGE_SIZE}) {
    events { seq eventType } pageCount totalCount
  }
}`
const NEXT = `query ($id: UUID!, $after: String, $first: Int = 1000) {
  workerEvents(datasetId: $id, order: OLDEST_FIRST, first: $first, after: $after) { pageInfo { endCursor } nodes {
  seq } }
}`
const LIVE = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq } }
}`

interface Event {
  seq: number
  eventType: string
}

const seqs = (events: readonly { seq: number }[]) => events.map(({ seq }) => seq)

/** Consecutive numbers from the first of a list, as many as it has. */
const dense = ([first = 0, ...rest]: readonly number[], step: 1 | -1) => [
  first,
  ...rest.map((_, i) => first + (i + 1) * step),
]

test(`While ${EVENTS} events are removed on two servers, no count is wrong and each gap is reported`, async () => {
  const env = await freshDatabase()
  await using one = await startServer(env)
  await using other = await startServer(env)
  const dataset = await newDataset(one, await newOrganization(one))
  // Nine of ten are of one type.
  await runSql(
    env,
    `DO $$ BEGIN FOR batch IN 1..${EVENTS / 1000} LOOP
      PERFORM append_to_streams(ARRAY['${dataset}'::uuid], array_agg(1), array_agg(gen_random_uuid()),
          array_agg(CASE WHEN i % 10 > 0 THEN 'chunks_uploaded' ELSE 'etl_failed' END), array_agg('null'::text), NULL)
        FROM generate_series(1, 1000) i;
      COMMIT;
    END LOOP; END $$`,
  )
  let done = false
  const counts = { pages: 0, gaps: 0, expired: 0, appended: 0 }

  /** Numbered pages, the first and the deepest: full, gap-free, and never going back. */
  async function pager(server: TestServer): Promise<void> {
    let first = 1
    while (!done) {
      let deepest = 1
      for (const page of [1, deepest]) {
        const { workerEventPage } = expectData(await server.graphql(PAGE, { id: dataset, page }))
        const { events, pageCount, totalCount } = workerEventPage
        expect(pageCount).toBe(Math.ceil(totalCount / PAGE_SIZE))
        const left = Math.max(0, totalCount - (page - 1) * PAGE_SIZE)
        expect(events.length).toBe(Math.min(PAGE_SIZE, left))
        expect(seqs(events)).toEqual(dense(seqs(events), -1).slice(0, events.length))
        if (events.length > 0) {
          const earliest = events[0].seq + (page - 1) * PAGE_SIZE - totalCount + 1
          expect(earliest).toBeGreaterThanOrEqual(first)
          first = earliest
        }
        deepest = pageCount
        counts.pages++
      }
      const { workerEventPage } = expectData(
        await server.graphql(PAGE, { id: dataset, types: ['ETL_FAILED'], page: Math.max(1, Math.floor(deepest / 12)) }),
      )
      expect(workerEventPage.events.every(({ eventType }: Event) => eventType === 'ETL_FAILED')).toBe(true)
      const rare: number[] = seqs(workerEventPage.events)
      expect(rare).toEqual([...new Set(rare)].sort((a, b) => b - a))
    }
  }

  /** A connection from the beginning: one page after the other, continuing from the earliest after CURSOR_EXPIRED. */
  async function reader(server: TestServer): Promise<void> {
    let after: string | null = null
    let last = 0
    while (!done) {
      const { data, errors } = await server.graphql(NEXT, { id: dataset, after })
      if (errors) {
        expect(errors).toMatchObject([{ extensions: { code: 'CURSOR_EXPIRED', earliest: expect.any(String) } }])
        after = (errors as unknown as { extensions: { earliest: string } }[])[0]?.extensions.earliest ?? null
        last = 0
        counts.expired++
        continue
      }
      const { nodes, pageInfo } = data.workerEvents
      const positions: number[] = seqs(nodes)
      if (positions.length === 0) {
        after = null
        last = 0
        continue
      }
      if (last > 0) expect(positions[0]).toBe(last + 1)
      expect(positions).toEqual(dense(positions, 1))
      last = positions.at(-1) ?? last
      after = pageInfo.endCursor
    }
  }

  /** A subscription from the beginning: each event once, in order, or CURSOR_EXPIRED. */
  async function follower(server: TestServer, subscribe: Subscribe): Promise<void> {
    while (!done) {
      const subscription = subscribe(server.url, server.rootKey, LIVE, { id: dataset })
      let last = 0
      for (;;) {
        const [edge] = await subscription.take(1).catch(() => [])
        if (!edge) break
        if (last > 0) expect(edge.node.seq).toBe(last + 1)
        last = edge.node.seq
        if (done) return subscription.end()
      }
      expect(await subscription.failure()).toBe('CURSOR_EXPIRED')
      counts.gaps++
    }
  }

  /** The position after the earliest event, which the next step removes with those that follow it. */
  async function earliest(): Promise<string> {
    return expectData(await one.graphql(NEXT, { id: dataset, first: 1 })).workerEvents.pageInfo.endCursor
  }

  /** What comes of a position that is removed, on pages and on subscriptions of both servers. */
  async function codesAfter(after: string): Promise<unknown[]> {
    const outcomes = [one, other].flatMap((server) => [
      server.graphql(NEXT, { id: dataset, after }).then(({ errors }) => errors?.[0]?.extensions.code),
      ...[overWebSocket, overSse].map((subscribe) =>
        subscribe(server.url, server.rootKey, LIVE, { id: dataset, after }).failure(),
      ),
    ])
    return Promise.all(outcomes)
  }

  async function appender(): Promise<void> {
    while (!done) {
      await recordWorkerEvents(one, dataset, [{ eventType: 'ETL_FAILED' }, { eventType: 'CHUNKS_UPLOADED' }])
      counts.appended += 2
    }
  }

  const background = [
    pager(one),
    pager(other),
    reader(one),
    reader(other),
    follower(one, overWebSocket),
    follower(other, overSse),
    appender(),
  ]
  // Any failure among them ends the test, not only its own loop.
  const failed = Promise.all(background)
  failed.catch(() => {
    done = true
  })
  const doomed = await serve(env)
  for (let step = 1; step <= STEPS && !done; step++) {
    const held = await earliest()
    const variables = { id: dataset, maxEvents: Math.round((EVENTS * (STEPS + 1 - step)) / (STEPS + 2)) }
    // All of them sweep at the same time, and one is killed while it deletes.
    const asked = [one, other].map((server) => server.graphql(SET, variables).then(expectData))
    if (step === 1) {
      await graphql(doomed.url, SET, variables, 'test-root-api-key')
      doomed.child.kill('SIGKILL')
    }
    await Promise.all(asked)
    await until(async () => {
      const [row] = await runSql<{ left: number }>(
        env,
        `SELECT (head - cleared + 1 - ${variables.maxEvents})::int AS left FROM stream
          WHERE id = '${dataset}' AND cleared = first`,
      )
      return done || (row !== undefined && row.left < EVENTS / 20)
    })
    if (!done) expect(await codesAfter(held)).toEqual(Array(6).fill('CURSOR_EXPIRED'))
  }
  done = true
  // A follower may wait for the next event.
  await recordWorkerEvents(one, dataset, [{ eventType: 'ETL_FAILED' }])
  await failed
  await doomed.exited
  const { status, found } = await doctor({ ...env })
  expect([status, found.counters?.state]).toEqual([0, 'ok'])
  console.log(`${EVENTS} events: ${JSON.stringify(counts)}`)
})

test.each(['a dataset', 'an organization', 'an organization, by that of a dataset'])(
  'A policy of %s removes nothing once it is lifted, even if a server was about to apply it',
  async (whose) => {
    const env = await freshDatabase()
    await using proxy = await holdingProxy(String(env.DATABASE_URL))
    await using sweeping = await startServer({ ...env, DATABASE_URL: proxy.url })
    await using other = await startServer(env)
    const organization = await newOrganization(other)
    const [dataset, last] = [await newDataset(other, organization), await newDataset(other, organization)]
    for (const id of [dataset, last]) await recordWorkerEvents(other, id, Array(3).fill({ eventType: 'ETL_STARTED' }))
    const set = async (server: TestServer, of: object, policy: object | null) => {
      const query = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
        setRetention(of: $of, policy: $policy) { maxEvents }
      }`
      expectData(await server.graphql(query, { of, policy }))
    }
    const total = async (id: string) =>
      expectData(await other.graphql(PAGE, { id, page: 1 })).workerEventPage.totalCount

    // Not by a server, which would apply it at once.
    await runSql(
      env,
      whose === 'a dataset'
        ? `INSERT INTO stream_retention (organization_id, stream_id, max_events) VALUES ('${organization}', '${dataset}', 1)`
        : `INSERT INTO organization_retention (organization_id, max_events) VALUES ('${organization}', 1);
           INSERT INTO stream_retention (organization_id, stream_id) VALUES ('${organization}', '${last}')`,
    )
    // The list of what is due.
    const held = proxy.hold(dataset)
    await set(sweeping, { datasetId: last }, { keepAll: true })
    await held
    if (whose === 'a dataset') await set(other, { datasetId: dataset }, null)
    else if (whose === 'an organization') await set(other, { organizationId: organization }, null)
    else await set(other, { datasetId: dataset }, { keepAll: true })
    proxy.release()
    // The next sweep comes after that one.
    await set(sweeping, { datasetId: last }, { maxEvents: 1 })
    await until(async () => (await total(last)) === 1)
    expect(await total(dataset)).toBe(3)
  },
)
