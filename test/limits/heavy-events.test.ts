import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'

/** More than a page can contain, in payloads near the limit. */
const EVENTS = 20
const TEXT = 'x'.repeat(1_000_000)

/** As many as fit into the 16 MiB of a page. */
const MOST = 16

let server: TestServer
let dataset: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  dataset = await newDataset(server, await newOrganization(server))
  for (let i = 0; i < EVENTS; i++)
    await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventData: TEXT }])
})

const PAGE = `query ($id: UUID!, $types: [WorkerEventType!], $after: String, $before: String, $first: Int, $last: Int) {
  workerEvents(datasetId: $id, types: $types, order: OLDEST_FIRST, after: $after, before: $before, first: $first,
  last: $last) {
    nodes { seq data { __typename } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`
const page = async (variables: object) =>
  expectData(await server.graphql(PAGE, { id: dataset, ...variables })).workerEvents

const all = Array.from({ length: EVENTS }, (_, i) => i + 1)

test.each([[undefined], [['ETL_STARTED']]])(
  'A page ends before it exceeds the size limit, and the next one continues: %j',
  async (types) => {
    const forward: number[] = []
    let { nodes, pageInfo } = await page({ types, first: 1_000 })
    expect(nodes).toHaveLength(MOST)
    for (;;) {
      forward.push(...nodes.map(({ seq }: { seq: number }) => seq))
      if (!pageInfo.hasNextPage) break
      ;({ nodes, pageInfo } = await page({ types, first: 1_000, after: pageInfo.endCursor }))
    }
    expect(forward).toEqual(all)
    const end = await page({ types, last: 1_000 })
    expect(end.pageInfo.hasPreviousPage).toBe(true)
    const rest = await page({ types, last: 1_000, before: end.pageInfo.startCursor })
    expect([...rest.nodes, ...end.nodes].map(({ seq }) => seq)).toEqual(all)
  },
)

test('A numbered page above the size limit is rejected, because it cannot be shortened', async () => {
  const query =
    'query ($id: UUID!, $n: Int!) { workerEventPage(datasetId: $id, pageSize: $n) { events { data { __typename } } } }'
  const rejected = await server.graphql(query, { id: dataset, n: EVENTS })
  expect(rejected.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(expectData(await server.graphql(query, { id: dataset, n: 5 })).workerEventPage.events).toHaveLength(5)
  const trieve = await fetch(`${server.url}/api/dataset/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.rootKey}`,
      'tr-dataset': dataset,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ page_size: EVENTS }),
  })
  expect([trieve.status, await trieve.json()]).toMatchObject([400, { message: expect.stringContaining('page_size') }])
})

const REJECTED = { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] }

test('A result that would be too long is rejected before it is serialized', async () => {
  const times = (count: number) => Array.from({ length: count }, (_, i) => `a${i}: eventData`).join(' ')
  const query = (count: number) => `{ workerEvents(datasetId: "${dataset}", first: 10) { nodes { ${times(count)} } } }`
  expect(await server.graphql(query(7))).toMatchObject(REJECTED)
  const { nodes } = expectData(await server.graphql(query(2))).workerEvents
  expect(nodes).toHaveLength(10)
  expect(nodes[9]).toEqual({ a0: TEXT, a1: TEXT })
})

test('An operation can read a limited number of large pages', async () => {
  const page = `workerEvents(datasetId: "${dataset}", first: 1000) { nodes { data { __typename } } }`
  const query = (count: number) => `{ ${Array.from({ length: count }, (_, i) => `a${i}: ${page}`).join(' ')} }`
  expectData(await server.graphql(query(3)))
  expect(await server.graphql(query(5))).toMatchObject(REJECTED)
})

test('A page of sizes or previews reads no payloads, so no limit of a page or an operation applies', async () => {
  const select = (fields: string, count: number) =>
    `{ ${Array.from(
      { length: count },
      (_, i) => `a${i}: workerEventPage(datasetId: "${dataset}", pageSize: ${EVENTS}) {
      events { ${fields} } }`,
    ).join(' ')} }`
  expect(await server.graphql(select('eventDataSize eventDataText', 1))).toMatchObject(REJECTED)
  const data = expectData(await server.graphql(select('eventDataSize eventDataPreview(maxBytes: 3)', 10)))
  const event = { eventDataSize: TEXT.length + 2, eventDataPreview: '"xx' }
  expect(Object.values(data)).toEqual(Array(10).fill({ events: Array(EVENTS).fill(event) }))
  const { workerEvents } = expectData(
    await server.graphql(
      `{ workerEvents(datasetId: "${dataset}") { nodes { eventDataSize } pageInfo { hasNextPage } } }`,
    ),
  )
  expect(workerEvents).toMatchObject({ nodes: { length: EVENTS }, pageInfo: { hasNextPage: false } })
  // A preview of whole payloads is charged as they are.
  expect(await server.graphql(select('eventDataPreview(maxBytes: 1048576)', 1))).toMatchObject(REJECTED)
})

test('A subscriber receives all large events', async () => {
  const query = `subscription ($id: UUID!, $types: [WorkerEventType!]) {
    workerEvents(datasetId: $id, types: $types, from: BEGINNING) { cursor node { seq } }
  }`
  for (const types of [null, ['ETL_STARTED']]) {
    const subscription = overSse(server.url, server.rootKey, query, { id: dataset, types })
    expect((await subscription.take(EVENTS)).map(({ node }) => node.seq)).toEqual(all)
    await subscription.end()
  }
})

test('A snapshot and the legacy list contain all large events', async () => {
  const report = await newReport(server, await newOrganization(server))
  for (let idx = 0; idx < EVENTS; idx++) {
    await recordReportEvents(server, report, [{ blockUpdate: { block: { idx, template: TEXT.slice(0, 900_000) } } }])
  }
  const query = 'query ($id: UUID!) { report(id: $id) { snapshot { blocks { node { block { idx } } } } } }'
  const { blocks } = expectData(await server.graphql(query, { id: report })).report.snapshot
  expect(blocks).toHaveLength(EVENTS)
  const list = await fetch(`${server.url}/api/v1/reports/${report}/events`, {
    headers: { authorization: `Bearer ${server.rootKey}` },
  })
  expect([list.status, list.headers.get('content-type')]).toEqual([200, 'application/json'])
  // It is written while it is read, so its length is unknown.
  expect(list.headers.get('content-length')).toBeNull()
  const text = await list.text()
  const events = JSON.parse(text)
  expect(events.map(({ event_data }: { event_data: { block: { idx: number } } }) => event_data.block.idx)).toEqual(
    all.map((seq) => seq - 1),
  )
  expect(JSON.stringify(events) === text).toBe(true)
})
