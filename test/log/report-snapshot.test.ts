import { randomUUID } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newKey, newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'

let server: TestServer
let organization: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
})

const SNAPSHOT = `query ($id: UUID!) {
  report(id: $id) {
    snapshot {
      cursor
      state { cursor node { seq state } }
      operations { cursor node { seq groupId variant progress status } }
      blocks { cursor node { seq block { idx template } } }
    }
  }
}`

const snapshot = async (id: string) => expectData(await server.graphql(SNAPSHOT, { id })).report.snapshot
const block = (idx: number, template: string) => ({ blockUpdate: { block: { idx, template } } })

test('A report without events has an empty snapshot, whose cursor is the beginning', async () => {
  const report = await newReport(server, organization)
  const { cursor, ...rest } = await snapshot(report)
  expect(rest).toEqual({ state: null, operations: [], blocks: [] })
  await recordReportEvents(server, report, [block(0, 'a')])
  const { data } = await server.graphql(
    'query ($id: UUID!, $after: String) { reportEvents(reportId: $id, after: $after) { totalCount ' +
      'nodes { __typename } } }',
    {
      id: report,
      after: cursor,
    },
  )
  expect(data.reportEvents.nodes).toHaveLength(1)
})

test('A snapshot has the newest state, the progress of each group and each block, with their cursors', async () => {
  const report = await newReport(server, organization)
  const [one, two] = [randomUUID(), randomUUID()]
  const progress = (groupId: string | null, variant: string, progress: number) => ({
    progress: { groupId, variant, message: '', progress },
  })
  const recorded = await recordReportEvents(server, report, [
    { state: { message: '', state: 'PLANNING' } },
    progress(two, 'GENERATE_BLOCK', 0.1),
    progress(one, 'GENERATE_BLOCK', 0.2),
    progress(null, 'EDITING', 0.3),
    block(7, 'seven'),
    block(0, 'zero'),
    progress(two, 'GENERATE_BLOCK', 0.9),
    { state: { message: '', state: 'GENERATING' } },
    block(7, 'seven again'),
  ])
  const at = (seq: number) => recorded[seq - 1]?.cursor
  const expected = {
    cursor: at(9),
    state: { cursor: at(8), node: { seq: 8, state: 'GENERATING' } },
    operations: [
      { cursor: at(7), node: { seq: 7, groupId: two, variant: 'GENERATE_BLOCK', progress: 0.9, status: 'PENDING' } },
      { cursor: at(3), node: { seq: 3, groupId: one, variant: 'GENERATE_BLOCK', progress: 0.2, status: 'PENDING' } },
      { cursor: at(4), node: { seq: 4, groupId: null, variant: 'EDITING', progress: 0.3, status: 'PENDING' } },
    ],
    blocks: [
      { cursor: at(6), node: { seq: 6, block: { idx: 0, template: 'zero' } } },
      { cursor: at(9), node: { seq: 9, block: { idx: 7, template: 'seven again' } } },
    ],
  }
  expect(await snapshot(report)).toEqual(expected)
  // A second query continues from the cached snapshot.
  const [more] = await recordReportEvents(server, report, [block(0, 'zero again')])
  expect(await snapshot(report)).toEqual({
    ...expected,
    cursor: more?.cursor,
    blocks: [
      { cursor: more?.cursor, node: { seq: 10, block: { idx: 0, template: 'zero again' } } },
      expected.blocks[1],
    ],
  })
})

test('A client that subscribes after the cursor of a snapshot misses nothing and gets nothing twice', async () => {
  const report = await newReport(server, organization)
  const key = await newKey(server, organization)
  let done = false
  const writer = (async () => {
    for (let n = 1; !done; n++) await recordReportEvents(server, report, [block(0, String(n))])
  })()
  for (let i = 0; i < 5; i++) {
    const { cursor, blocks } = await snapshot(report)
    const shown = blocks[0]?.node.seq ?? 0
    const query =
      'subscription ($id: UUID!, $after: String) { reportEvents(reportId: $id, after: $after) { cursor node { ... on ' +
      'BlockUpdateEvent { seq } } } }'
    const reader = overWebSocket(server.url, key, query, { id: report, after: cursor })
    onTestFinished(() => reader.end())
    expect((await reader.take(3)).map(({ node }) => node.seq)).toEqual([shown + 1, shown + 2, shown + 3])
    await reader.end()
  }
  done = true
  await writer
})
