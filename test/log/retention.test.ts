import { beforeAll, describe, expect } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { test } from '../support/fixtures.ts'
import { keepInDataset, keptIn, swept } from '../support/retention.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const SET = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
  setRetention(of: $of, policy: $policy) { maxAgeSeconds maxEvents }
}`
const PAGE = `query ($id: UUID!, $types: [WorkerEventType!], $page: Int!, $pageSize: Int!) {
  workerEventPage(datasetId: $id, types: $types, page: $page, pageSize: $pageSize) {
    events { seq eventType } eventTypes pageCount totalCount
  }
}`
const CONNECTION = `query ($id: UUID!, $types: [WorkerEventType!], $order: EventOrder!, $first: Int, $after: String,
  $last: Int, $before: String) {
  workerEvents(datasetId: $id, types: $types, order: $order, first: $first, after: $after, last: $last,
  before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { seq }
  }
}`

let server: TestServer
let organization: string
test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
})

interface Kept {
  seq: number
  eventType: string
}

/** Records one event per type, in order. @returns the expected events of the dataset. */
async function record(dataset: string, types: readonly string[]): Promise<Kept[]> {
  const results = await recordWorkerEvents(
    server,
    dataset,
    types.map((eventType) => ({ eventType })),
  )
  return results.map(({ seq }, i) => ({ seq, eventType: types[i] as string }))
}

async function keep(of: object, policy: object | null): Promise<unknown> {
  return expectData(await server.graphql(SET, { of, policy })).setRetention
}

async function total(dataset: string): Promise<number> {
  const variables = { id: dataset, order: 'OLDEST_FIRST', first: 0 }
  return expectData(await server.graphql(CONNECTION, variables)).workerEvents.totalCount
}

const seqs = (events: readonly { seq: number }[]) => events.map(({ seq }) => seq)

/** Every way to read the history returns exactly these events, with any filter. */
async function expectHistory(dataset: string, kept: readonly Kept[]): Promise<void> {
  const all = [...new Set(kept.map(({ eventType }) => eventType))]
  const absent = 'VIDEO_UPLOADED'
  for (const types of [null, all.slice(-1), [...all.slice(0, 2), absent]]) {
    const wanted = kept.filter(({ eventType }) => !types?.length || types.includes(eventType))
    const newestFirst = wanted.toReversed()
    const pageSize = 17
    for (let page = 1; page <= Math.ceil(wanted.length / pageSize) + 1; page++) {
      const { workerEventPage } = expectData(await server.graphql(PAGE, { id: dataset, types, page, pageSize }))
      expect(workerEventPage).toEqual({
        events: newestFirst.slice((page - 1) * pageSize, page * pageSize),
        eventTypes: all.toSorted(),
        pageCount: Math.ceil(wanted.length / pageSize),
        totalCount: wanted.length,
      })
    }
    const found: number[] = []
    for (let after: string | null = null, more = true; more; ) {
      const variables: object = { id: dataset, types, order: 'OLDEST_FIRST', first: 23, after }
      const { workerEvents } = expectData(await server.graphql(CONNECTION, variables))
      expect(workerEvents.totalCount).toBe(wanted.length)
      expect(workerEvents.pageInfo.hasPreviousPage).toBe(after !== null)
      found.push(...seqs(workerEvents.nodes))
      more = workerEvents.pageInfo.hasNextPage
      after = workerEvents.pageInfo.endCursor
    }
    expect(found).toEqual(seqs(wanted))
  }
}

const cycle = (count: number, ...types: string[]) =>
  Array.from({ length: count }, (_, i) => types[i % types.length] as string)

describe('A limit on the number of events', () => {
  test('applies to every count and every page, repeatedly', async () => {
    const dataset = await newDataset(server, organization)
    let kept = await record(dataset, [
      ...cycle(70, 'ETL_STARTED', 'ETL_FAILED', 'ETL_FAILED'),
      ...cycle(50, 'ETL_STARTED', 'CRAWL_STARTED'),
    ])
    for (const [maxEvents, more] of [
      [100, cycle(40, 'ETL_COMPLETED')],
      // No ETL_FAILED is left, and then there are some again.
      [60, cycle(45, 'ETL_FAILED', 'ETL_STARTED')],
      [59, []],
      [1, cycle(40, 'CRAWL_STARTED', 'ETL_STARTED')],
      [33, []],
    ] as const) {
      expect(await keep({ datasetId: dataset }, { maxEvents })).toEqual({ maxEvents, maxAgeSeconds: null })
      kept = kept.slice(-maxEvents)
      await until(async () => (await total(dataset)) === kept.length)
      await expectHistory(dataset, kept)
      await keep({ datasetId: dataset }, null)
      kept.push(...(more.length > 0 ? await record(dataset, more) : []))
      await expectHistory(dataset, kept)
    }
  })

  test('applies to the legacy route', async () => {
    const dataset = await newDataset(server, organization)
    await record(dataset, cycle(50, 'ETL_STARTED', 'ETL_FAILED'))
    await keep({ datasetId: dataset }, { maxEvents: 21 })
    await until(async () => (await total(dataset)) === 21)
    const page = async (body: object) => {
      const headers = { authorization: server.rootKey, 'tr-dataset': dataset, 'content-type': 'application/json' }
      const response = await fetch(`${server.url}/api/dataset/events`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return (await response.json()) as { events: unknown[]; page_count: number }
    }
    expect(await page({ page: 3 })).toMatchObject({ page_count: 3, events: { length: 1 } })
    expect(await page({ page: 2, page_size: 6, event_types: ['etl_failed'] })).toMatchObject({
      page_count: 2,
      events: { length: 5 },
    })
  })
})

test('Events above the age limit are removed, and newer ones remain', async () => {
  const database = await freshDatabase()
  let dataset = ''
  {
    await using before = await startServer(database)
    dataset = await newDataset(before, await newOrganization(before))
    await recordWorkerEvents(
      before,
      dataset,
      cycle(40, 'ETL_STARTED').map((eventType) => ({ eventType })),
    )
  }
  await runSql(database, "UPDATE event SET created_at = created_at - interval '2 hours' WHERE seq <= 25")
  await using after = await startServer(database)
  const of = { datasetId: dataset }
  expectData(await after.graphql(SET, { of, policy: { maxAgeSeconds: 3_600 } }))
  const page = async () =>
    expectData(await after.graphql(PAGE, { id: dataset, page: 1, pageSize: 100 })).workerEventPage
  await until(async () => (await page()).totalCount === 15)
  expect(seqs((await page()).events)).toEqual(Array.from({ length: 15 }, (_, i) => 40 - i))
})

test('Events are not too old because of a clock that is ahead, until it has been for long', async () => {
  const database = await freshDatabase()
  let dataset = ''
  {
    await using before = await startServer(database)
    dataset = await newDataset(before, await newOrganization(before))
    await recordWorkerEvents(before, dataset, [{ eventType: 'ETL_STARTED' }, { eventType: 'ETL_FAILED' }])
  }
  // As if the clock were 40 days ahead of all that the servers have seen.
  await runSql(
    database,
    `UPDATE event SET created_at = created_at - interval '40 days';
     UPDATE stream SET last_at = last_at - interval '40 days';
     UPDATE retention_clock SET trusted_at = clock_timestamp() - interval '40 days'`,
  )
  {
    await using after = await startServer(database)
    await keepInDataset(after, dataset, { maxAgeSeconds: 30 * 86_400 })
    // An event dated by that clock proves nothing, nor does a new process.
    await recordWorkerEvents(after, dataset, [{ eventType: 'ETL_STARTED' }])
    await swept(after)
    expect(await keptIn(after, dataset)).toBe(3)
    expect(await metric(after.url, 'tidemark_retention_clock_lag_seconds')).toBeGreaterThan(39 * 86_400)
  }
  {
    await using again = await startServer(database)
    await swept(again)
    expect(await keptIn(again, dataset)).toBe(3)
  }
  // As a server does for which the clock has been steady for long.
  await runSql(database, 'UPDATE retention_clock SET trusted_at = clock_timestamp()')
  await using last = await startServer(database)
  await swept(last)
  expect(await keptIn(last, dataset)).toBe(1)
})

test('Retention goes on where its time is missing, as after a restore of the schema alone', async () => {
  const database = await freshDatabase()
  let dataset = ''
  {
    await using before = await startServer(database)
    dataset = await newDataset(before, await newOrganization(before))
    for (let i = 0; i < 3; i++) await recordWorkerEvents(before, dataset, [{ eventType: 'ETL_STARTED' }])
  }
  await runSql(
    database,
    `DELETE FROM retention_clock;
     UPDATE event SET created_at = created_at - interval '40 days' WHERE seq < 3`,
  )
  await using after = await startServer(database)
  await keepInDataset(after, dataset, { maxAgeSeconds: 30 * 86_400 })
  await until(async () => (await keptIn(after, dataset)) === 1)
  expect(await metric(after.url, 'tidemark_retention_clock_lag_seconds')).toBeLessThan(60)
})

test('Numbers of events are limited, and events deleted, where the clock cannot be read', async () => {
  const database = await freshDatabase()
  let dataset = ''
  {
    await using before = await startServer(database)
    dataset = await newDataset(before, await newOrganization(before))
    for (let i = 0; i < 3; i++) await recordWorkerEvents(before, dataset, [{ eventType: 'ETL_STARTED' }])
  }
  await runSql(database, 'ALTER TABLE retention_clock RENAME COLUMN trusted_at TO unknown_at')
  const stored = () => runSql<{ seq: number }>(database, `SELECT seq::int FROM event WHERE stream_id = '${dataset}'`)
  {
    await using after = await startServer({ ...database, LOG_LEVEL: 'fatal' })
    await keepInDataset(after, dataset, { maxEvents: 1, maxAgeSeconds: 1 })
    await until(async () => (await keptIn(after, dataset)) === 1)
    // A server that stops leaves the deletion to the next one. The embedded database has one process at a time.
    if (database.DATABASE_URL) await until(async () => (await stored()).length === 1)
  }
  expect(await stored()).toEqual([{ seq: 3 }])
})

describe('A policy', () => {
  test('of a stream overrides that of its organization, also when it keeps all events', async () => {
    const owner = await newOrganization(server)
    const [plain, own, all] = [
      await newDataset(server, owner),
      await newDataset(server, owner),
      await newDataset(server, owner),
    ]
    for (const dataset of [plain, own, all]) await record(dataset, cycle(30, 'ETL_STARTED'))
    await keep({ datasetId: own }, { maxEvents: 20 })
    await keep({ datasetId: all }, { keepAll: true })
    await keep({ organizationId: owner }, { maxEvents: 10 })
    await until(async () => (await total(plain)) === 10)
    expect([await total(own), await total(all)]).toEqual([20, 30])
    const read = `query ($owner: UUID!, $own: UUID!, $plain: UUID!) {
      organization(id: $owner) { retention { maxEvents maxAgeSeconds } }
      own: dataset(id: $own) { retention { maxEvents } }
      plain: dataset(id: $plain) { retention { maxEvents } }
    }`
    expect(expectData(await server.graphql(read, { owner, own, plain }))).toEqual({
      organization: { retention: { maxEvents: 10, maxAgeSeconds: null } },
      own: { retention: { maxEvents: 20 } },
      plain: { retention: null },
    })
    // Without its own policy, that of the organization applies.
    expect(await keep({ datasetId: own }, null)).toBeNull()
    await until(async () => (await total(own)) === 10)
    const audit = `query ($owner: UUID!) { auditEntries(organizationId: $owner, first: 2) { nodes {
      action subjectId details } } }`
    expect(expectData(await server.graphql(audit, { owner })).auditEntries.nodes).toEqual([
      { action: 'SET_RETENTION', subjectId: own, details: {} },
      { action: 'SET_RETENTION', subjectId: owner, details: { maxEvents: 10, maxAgeSeconds: null } },
    ])
  })

  test.each([
    [{}],
    [{ maxEvents: 0 }],
    [{ maxAgeSeconds: -1 }],
    [{ keepAll: false }],
    [{ keepAll: true, maxEvents: 5 }],
  ])('with invalid limits is rejected: %j', async (policy) => {
    const dataset = await newDataset(server, organization)
    const { errors } = await server.graphql(SET, { of: { datasetId: dataset }, policy })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })

  test('for an organization that does not exist is rejected', async () => {
    const of = { organizationId: '01234567-89ab-4def-8123-456789abcdef' }
    const { errors } = await server.graphql(SET, { of, policy: { maxEvents: 5 } })
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })
})

describe('A cursor before the earliest kept event', () => {
  let dataset: string
  let cursors: string[]
  beforeAll(async () => {
    dataset = await newDataset(server, organization)
    const events = cycle(20, 'ETL_STARTED', 'ETL_FAILED').map((eventType) => ({ eventType }))
    cursors = (await recordWorkerEvents(server, dataset, events)).map(({ cursor }) => cursor)
    await keep({ datasetId: dataset }, { maxEvents: 8 })
    await until(async () => (await total(dataset)) === 8)
  })

  test.each([
    ['after', 'OLDEST_FIRST'],
    ['after', 'NEWEST_FIRST'],
    ['before', 'OLDEST_FIRST'],
    ['before', 'NEWEST_FIRST'],
  ])('is rejected as %s of a page, %s, with the earliest cursor', async (argument, order) => {
    const read = (cursor?: string) => server.graphql(CONNECTION, { id: dataset, order, [argument]: cursor })
    const { errors } = await read(cursors[10])
    expect(errors).toMatchObject([{ extensions: { code: 'CURSOR_EXPIRED', earliest: cursors[11] } }])
    expectData(await read(cursors[11]))
  })

  test.each([
    ['WebSocket', overWebSocket],
    ['server-sent events', overSse],
  ])('is rejected by a subscription over %s, which accepts the earliest cursor', async (_, subscribe) => {
    const query = `subscription ($id: UUID!, $after: String, $types: [WorkerEventType!]) {
      workerEvents(datasetId: $id, after: $after, types: $types) { cursor node { seq } }
    }`
    for (const types of [null, ['ETL_FAILED']]) {
      const expired = subscribe(server.url, server.rootKey, query, { id: dataset, after: cursors[3], types })
      expect(await expired.failure()).toBe('CURSOR_EXPIRED')
    }
    const earliest = subscribe(server.url, server.rootKey, query, { id: dataset, after: cursors[11] })
    expect((await earliest.take(8)).map(({ node }) => node.seq)).toEqual([13, 14, 15, 16, 17, 18, 19, 20])
    await earliest.end()
  })

  test('is not needed to start: BEGINNING is the earliest kept event', async () => {
    const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'
    const subscription = overSse(server.url, server.rootKey, query, { id: dataset })
    expect((await subscription.take(1)).map(({ node }) => node.seq)).toEqual([13])
    await subscription.end()
  })
})

describe('A reader of some types', () => {
  const [FAILED, STARTED, NEVER] = ['ETL_FAILED', 'ETL_STARTED', 'VIDEO_UPLOADED']
  let dataset: string
  let cursors: string[]
  beforeAll(async () => {
    dataset = await newDataset(server, organization)
    const types = [FAILED, ...cycle(14, STARTED), FAILED, ...cycle(4, STARTED)]
    const recorded = await recordWorkerEvents(
      server,
      dataset,
      types.map((eventType) => ({ eventType })),
    )
    cursors = recorded.map(({ cursor }) => cursor)
    await keep({ datasetId: dataset }, { maxEvents: 6 })
    await until(async () => (await total(dataset)) === 6)
  })

  test.each<[argument: string, order: string, types: string[], expected: string | number[]]>([
    ['after', 'OLDEST_FIRST', [FAILED], [16]],
    ['after', 'OLDEST_FIRST', [FAILED, NEVER], [16]],
    ['before', 'NEWEST_FIRST', [FAILED], [16]],
    ['after', 'NEWEST_FIRST', [NEVER], []],
    ['after', 'OLDEST_FIRST', [FAILED, STARTED], 'CURSOR_EXPIRED'],
    ['before', 'NEWEST_FIRST', [STARTED], 'CURSOR_EXPIRED'],
    // The first event is older than the cursor.
    ['after', 'NEWEST_FIRST', [FAILED], 'CURSOR_EXPIRED'],
    ['before', 'OLDEST_FIRST', [FAILED], 'CURSOR_EXPIRED'],
  ])('misses nothing if no event of them was removed: %s, %s, %s: %s', async (argument, order, types, expected) => {
    // Of the first event, or of one between the two that failed.
    const after = expected === 'CURSOR_EXPIRED' || order === 'NEWEST_FIRST' ? cursors[5] : cursors[0]
    const { data, errors } = await server.graphql(CONNECTION, { id: dataset, order, types, [argument]: after })
    const found = errors?.[0]?.extensions.code ?? seqs(data.workerEvents.nodes)
    expect(found).toEqual(expected)
    if (!errors) expect(data.workerEvents.pageInfo.hasNextPage).toBe(false)
  })

  test('misses one event after a cursor before the last removed event, and none after a later one', async () => {
    const page = (after: string | undefined) =>
      server.graphql(CONNECTION, { id: dataset, order: 'OLDEST_FIRST', types: [STARTED], after })
    expect((await page(cursors[12])).errors).toMatchObject([{ extensions: { code: 'CURSOR_EXPIRED' } }])
    expect(seqs(expectData(await page(cursors[13])).workerEvents.nodes)).toEqual([15, 17, 18, 19, 20])
  })

  test.each([
    ['WebSocket', overWebSocket],
    ['server-sent events', overSse],
  ])('resumes a subscription over %s', async (_, subscribe) => {
    const query = `subscription ($id: UUID!, $after: String, $types: [WorkerEventType!]) {
      workerEvents(datasetId: $id, after: $after, types: $types) { cursor node { seq } }
    }`
    const reader = subscribe(server.url, server.rootKey, query, { id: dataset, after: cursors[0], types: [FAILED] })
    expect((await reader.take(1)).map(({ node }) => node.seq)).toEqual([16])
    await reader.end()
  })

  test('resumes server-sent events with the id of the last one', async () => {
    const query = `subscription ($id: UUID!, $types: [WorkerEventType!]) {
      workerEvents(datasetId: $id, types: $types) { cursor node { seq } }
    }`
    const resume = (types: string[]) =>
      overSse(server.url, server.rootKey, query, { id: dataset, types }, { 'last-event-id': cursors[0] as string })
    const reader = resume([FAILED])
    expect((await reader.take(1)).map(({ node }) => node.seq)).toEqual([16])
    await reader.end()
    expect(await resume([STARTED]).failure()).toBe('CURSOR_EXPIRED')
  })
})

describe('A report', () => {
  const progress = (message: string) => ({ progress: { variant: 'EDITING', message } })
  const state = (state: string) => ({ state: { message: state, state } })
  const kept = async (report: string) => {
    const query =
      'query ($id: UUID!) { reportEvents(reportId: $id) { nodes { ... on ReportEventItem { seq message } } } }'
    return seqs(expectData(await server.graphql(query, { id: report })).reportEvents.nodes)
  }

  test('that is finished keeps its final state, and ends for its followers', async () => {
    const report = await newReport(server, organization)
    await recordReportEvents(server, report, [
      progress('a'),
      state('GENERATING'),
      progress('b'),
      state('COMPLETED'),
      progress('c'),
      progress('d'),
    ])
    await keep({ reportId: report }, { maxEvents: 1 })
    await until(async () => (await kept(report)).length === 3)
    expect(await kept(report)).toEqual([4, 5, 6])
    const query =
      'subscription ($id: UUID!) { reportEvents(reportId: $id, from: BEGINNING) { cursor node { ... on ' +
      'ReportEventItem { seq } } } }'
    const rest = await overSse(server.url, server.rootKey, query, { id: report }).rest()
    expect(rest.map(({ node }) => node.seq)).toEqual([4, 5, 6])
  })

  test('ends for a follower of its states alone, whatever else was removed', async () => {
    const report = await newReport(server, organization)
    const [started] = await recordReportEvents(server, report, [state('GENERATING'), ...['a', 'b', 'c'].map(progress)])
    await keep({ reportId: report }, { maxEvents: 1 })
    await until(async () => (await kept(report)).length === 1)
    const query = `subscription ($id: UUID!, $after: String) {
      reportEvents(reportId: $id, after: $after, kinds: [STATE]) { cursor node { ... on ReportEventItem { seq } } }
    }`
    const follower = overSse(server.url, server.rootKey, query, { id: report, after: started?.cursor })
    await follower.start()
    await recordReportEvents(server, report, [state('COMPLETED')])
    expect((await follower.rest()).map(({ node }) => node.seq)).toEqual([5])
  })

  test('resumes for a follower of its progress alone, though states were removed', async () => {
    const report = await newReport(server, organization)
    const events = [progress('a'), state('GENERATING'), progress('b')]
    const [seen] = await recordReportEvents(server, report, events)
    await keep({ reportId: report }, { maxEvents: 1 })
    await until(async () => (await kept(report)).length === 1)
    const query = `subscription ($id: UUID!, $after: String) {
      reportEvents(reportId: $id, after: $after, kinds: [PROGRESS]) { cursor node { ... on ReportEventItem { seq } } }
    }`
    const follower = overSse(server.url, server.rootKey, query, { id: report, after: seen?.cursor })
    expect((await follower.take(1)).map(({ node }) => node.seq)).toEqual([3])
    await recordReportEvents(server, report, [state('COMPLETED')])
    expect(await follower.rest()).toEqual([])
  })

  test('has a snapshot of the kept events, with a cursor to continue from', async () => {
    const report = await newReport(server, organization)
    const snapshot = async () => {
      const query = `query ($id: UUID!) { report(id: $id) { snapshot {
        cursor state { node { message } } operations { node { message } }
      } } }`
      return expectData(await server.graphql(query, { id: report })).report.snapshot
    }
    await recordReportEvents(server, report, [state('GENERATING'), progress('a')])
    expect(await snapshot()).toMatchObject({
      state: { node: { message: 'GENERATING' } },
      operations: [{ node: { message: 'a' } }],
    })
    await keep({ reportId: report }, { maxEvents: 1 })
    await until(async () => (await kept(report)).length === 1)
    const { cursor, ...rest } = await snapshot()
    expect(rest).toEqual({ state: null, operations: [{ node: { message: 'a' } }] })
    const query =
      'query ($id: UUID!, $after: String) { reportEvents(reportId: $id, after: $after) { totalCount ' +
      'nodes { __typename } } }'
    expect(expectData(await server.graphql(query, { id: report, after: cursor })).reportEvents).toEqual({
      totalCount: 1,
      nodes: [],
    })
  })

  test('returns kept events to a legacy client that counts, and an error to one with a cursor', async () => {
    const report = await newReport(server, organization)
    const recorded = await recordReportEvents(server, report, ['a', 'b', 'c', 'd'].map(progress))
    await keep({ reportId: report }, { maxEvents: 2 })
    await until(async () => (await kept(report)).length === 2)
    const key = await newKey(server, organization)
    const ask = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${server.url}/api/v1/reports/${report}/events${query}`, {
        headers: { authorization: `Bearer ${key}`, ...headers },
      })
    const messages = async (query: string) => {
      const items = (await (await ask(query)).json()) as { event_data: { msg: string } }[]
      return items.map(({ event_data }) => event_data.msg)
    }
    expect(await messages('')).toEqual(['c', 'd'])
    expect(await messages('?last_sequence=1')).toEqual(['c', 'd'])
    expect(await messages('?last_sequence=3')).toEqual(['d'])
    const accept = 'text/event-stream'
    const leaving = new AbortController()
    const stream = await fetch(`${server.url}/api/v1/reports/${report}/events?last_sequence=1`, {
      headers: { authorization: `Bearer ${key}`, accept },
      signal: leaving.signal,
    })
    expect(stream.status).toBe(200)
    leaving.abort()
    const resumed = await ask('', { accept, 'last-event-id': recorded[0]?.cursor as string })
    expect(resumed.status).toBe(422)
    expect(await resumed.json()).toMatchObject({ detail: [{ loc: ['header', 'last-event-id'] }] })
  })
})

test('An id is known as long as its event is kept', async () => {
  const dataset = await newDataset(server, organization)
  const events = Array.from({ length: 5 }, () => ({ id: crypto.randomUUID(), eventType: 'ETL_STARTED' }))
  await recordWorkerEvents(server, dataset, events)
  await keep({ datasetId: dataset }, { maxEvents: 2 })
  await until(async () => (await total(dataset)) === 2)
  await keep({ datasetId: dataset }, null)
  expect(await recordWorkerEvents(server, dataset, events.slice(3))).toMatchObject([
    { outcome: 'DUPLICATE' },
    { outcome: 'DUPLICATE' },
  ])
})
