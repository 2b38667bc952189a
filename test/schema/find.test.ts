import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

const DATASETS = `query ($o: UUID, $prefix: String, $order: StreamOrder, $first: Int, $after: String, $last: Int,
  $before: String) {
  datasets(organizationId: $o, prefix: $prefix, order: $order, first: $first, after: $after, last: $last,
  before: $before) {
    totalCount
    edges { cursor node { id name trackingId } }
    nodes { id head firstSeq eventCount lastEventAt eventTypes { type count } organization { id name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`

async function datasets(server: TestServer, variables: object, key?: string) {
  return expectData(await server.graphql(DATASETS, variables, key)).datasets
}

const names = ({ edges }: { edges: { node: { name: string } }[] }) => edges.map(({ node }) => node.name)

const events = (...types: string[]) => types.map((eventType) => ({ eventType }))

describe('Lists', () => {
  test('of datasets have the newest first, in pages in both directions, with the counters of each', async ({
    server,
  }) => {
    const organization = await newOrganization(server)
    const ids = []
    for (const name of ['one', 'two', 'three', 'four', 'five'])
      ids.push(await newDataset(server, organization, { id: randomUUID(), name, trackingId: `t-${name}` }))
    await recordWorkerEvents(server, ids[2] as string, events('ETL_STARTED', 'FILE_UPLOADED', 'ETL_STARTED'))

    const first = await datasets(server, { o: organization, first: 2 })
    expect(names(first)).toEqual(['five', 'four'])
    expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    const second = await datasets(server, { o: organization, first: 2, after: first.pageInfo.endCursor })
    expect(names(second)).toEqual(['three', 'two'])
    expect(second.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true })
    const third = await datasets(server, { o: organization, first: 2, after: second.edges[1].cursor })
    expect([names(third), third.pageInfo.hasNextPage]).toEqual([['one'], false])
    const back = await datasets(server, { o: organization, last: 2, before: third.edges[0].cursor })
    expect(names(back)).toEqual(['three', 'two'])
    expect(names(await datasets(server, { o: organization, last: 1 }))).toEqual(['one'])

    expect(second.nodes[0]).toEqual({
      id: ids[2],
      head: 3,
      firstSeq: 1,
      eventCount: 3,
      lastEventAt: expect.stringMatching(/^20/),
      eventTypes: [
        { type: 'ETL_STARTED', count: 2 },
        { type: 'FILE_UPLOADED', count: 1 },
      ],
      organization: { id: organization, name: 'Acme' },
    })
    expect(second.nodes[1]).toMatchObject({ head: 0, firstSeq: 1, eventCount: 0, lastEventAt: null, eventTypes: [] })
  })

  test('of datasets find the beginning of a name or a tracking id, in any case, and nothing else', async ({
    server,
  }) => {
    const organization = await newOrganization(server)
    await newDataset(server, organization, { name: 'Invoices 100%', trackingId: 'abc' })
    await newDataset(server, organization, { name: 'Orders', trackingId: 'INV-7' })
    await newDataset(server, organization, { name: 'my invoices' })
    const found = async (prefix: string) => names(await datasets(server, { o: organization, prefix }))
    expect(await found('inv')).toEqual(['Orders', 'Invoices 100%'])
    expect(await found('invoices 100%')).toEqual(['Invoices 100%'])
    expect(await found('%')).toEqual([])
    expect(await found('_nvoices')).toEqual([])
    expect(await found('\\')).toEqual([])
    expect(await found('')).toHaveLength(3)
    expect(await datasets(server, { o: organization, prefix: 'INV', first: 1 })).toMatchObject({ totalCount: 2 })
  })

  test('of what was appended to most recently change their order by appends', async ({ server }) => {
    const organization = await newOrganization(server)
    const old = await newDataset(server, organization, { name: 'old' })
    await newDataset(server, organization, { name: 'new' })
    const order = 'RECENTLY_APPENDED_FIRST'
    expect(names(await datasets(server, { o: organization, order }))).toEqual(['new', 'old'])
    await recordWorkerEvents(server, old, events('ETL_STARTED'))
    const first = await datasets(server, { o: organization, order, first: 1 })
    expect(names(first)).toEqual(['old'])
    expect(names(await datasets(server, { o: organization, order, after: first.edges[0].cursor }))).toEqual(['new'])
    expect(names(await datasets(server, { o: organization, order: 'NEWEST_FIRST' }))).toEqual(['new', 'old'])
  })

  test('of reports are filtered by the state of the newest state event', async ({ server }) => {
    const organization = await newOrganization(server)
    const list = `query ($o: UUID!, $states: [ReportState!], $first: Int, $after: String) {
      reports(organizationId: $o, states: $states, first: $first, after: $after) {
        totalCount nodes { name state eventTypes { type count } organization { id } } pageInfo { endCursor hasNextPage }
      }
    }`
    const reports = async (states: string[] | null, paging = {}) =>
      expectData(await server.graphql(list, { o: organization, states, ...paging })).reports
    const state = (state: string) => ({ state: { message: 'a "status":"error" b', state } })
    const record = async (name: string, ...states: string[]) =>
      recordReportEvents(server, await newReport(server, organization, { name }), states.map(state))
    await record('a', 'PLANNING', 'GENERATING', 'COMPLETED')
    await record('b', 'PLANNING')
    await record('c')
    await record('d', 'GENERATING', 'ERROR')
    await record('e', 'PLANNING', 'COMPLETED')
    const all = await reports(null)
    expect(all.nodes.map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      ['e', 'COMPLETED'],
      ['d', 'ERROR'],
      ['c', null],
      ['b', 'PLANNING'],
      ['a', 'COMPLETED'],
    ])
    expect(all.nodes[4].eventTypes).toEqual([{ type: 'STATE', count: 3 }])
    const first = await reports(['COMPLETED', 'ERROR', 'ERROR'], { first: 2 })
    expect(first.nodes.map(({ name }: { name: string }) => name)).toEqual(['e', 'd'])
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } })
    const second = await reports(['COMPLETED', 'ERROR'], { first: 2, after: first.pageInfo.endCursor })
    expect(second.nodes.map(({ name }: { name: string }) => name)).toEqual(['a'])
    expect((await reports([])).totalCount).toBe(5)
  })

  test('of a restricted key have what it can access, and its organization is hidden', async ({ server }) => {
    const organization = await newOrganization(server)
    const [own] = [await newDataset(server, organization, { name: 'own' }), await newDataset(server, organization)]
    const key = await newKey(server, organization, 'ADMIN', { datasetIds: [own] })
    const found = await datasets(server, {}, key)
    expect([names(found), found.totalCount, found.nodes[0].organization]).toEqual([['own'], 1, null])
    const reports = '{ reports { totalCount } organizations { totalCount nodes { id } } }'
    expect(expectData(await server.graphql(reports, {}, key))).toEqual({
      reports: { totalCount: 0 },
      organizations: { totalCount: 0, nodes: [] },
    })
    const other = await newOrganization(server)
    await newDataset(server, other)
    expect(await datasets(server, { o: other }, key)).toMatchObject({ totalCount: 0, edges: [] })
    expect((await datasets(server, { o: randomUUID() })).edges).toEqual([])
  })

  test('of organizations lead to datasets, reports and keys', async ({ server }) => {
    const organization = await newOrganization(server)
    await newDataset(server, organization, { name: 'd' })
    await newReport(server, organization, { name: 'r' })
    const [read, admin] = [await newKey(server, organization), await newKey(server, organization, 'ADMIN')]
    const query = `{ organizations { totalCount nodes { id
      datasets { totalCount nodes { name } } reports(states: [ERROR]) { totalCount } apiKeys { totalCount nodes {
      role } }
    } } }`
    const expected = {
      id: organization,
      datasets: { totalCount: 1, nodes: [{ name: 'd' }] },
      reports: { totalCount: 0 },
    }
    const keys = { totalCount: 2, nodes: [{ role: 'ADMIN' }, { role: 'READ' }] }
    expect(expectData(await server.graphql(query, {}, admin)).organizations).toEqual({
      totalCount: 1,
      nodes: [{ ...expected, apiKeys: keys }],
    })
    const denied = await server.graphql(query, {}, read)
    expect(denied.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    expect(denied.data.organizations.nodes).toEqual([{ ...expected, apiKeys: null }])
    const newest = '{ organizations(first: 1, prefix: "aCM") { nodes { id } } }'
    expect(expectData(await server.graphql(newest)).organizations.nodes).toEqual([{ id: organization }])
  })

  test.for([
    ['a cursor of another list', { after: 'R1BDOlM6eA==' }, 'CURSOR_INVALID'],
    ['a time that no row has', { after: cursorOf(['created_at', 1e18, randomUUID()]) }, 'CURSOR_INVALID'],
    ['an id that is none', { after: cursorOf(['created_at', 1, 'x']) }, 'CURSOR_INVALID'],
    ['the cursor of another order', { before: cursorOf(['active_at', 1, randomUUID()]) }, 'CURSOR_INVALID'],
    ['too many', { first: 1_001 }, 'BAD_USER_INPUT'],
    ['a negative number', { last: -1 }, 'BAD_USER_INPUT'],
    ['both directions', { first: 1, last: 1 }, 'BAD_USER_INPUT'],
    ['NUL', { prefix: 'a\0' }, 'BAD_USER_INPUT'],
    ['a long text', { prefix: 'x'.repeat(501) }, 'BAD_USER_INPUT'],
    ['no organization, with the root key', { o: null }, 'BAD_USER_INPUT'],
  ] as const)('reject %s', async ([, variables, code], { server }) => {
    const { data, errors } = await server.graphql(DATASETS, { o: randomUUID(), ...variables })
    expect([data ?? null, errors?.map(({ extensions }) => extensions.code)]).toEqual([null, [code]])
  })
})

function cursorOf(place: unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

test('A dataset and a report lead to their events, and a worker event to its dataset', async ({ server }) => {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization, { name: 'mine' })
  await recordWorkerEvents(server, dataset, events('ETL_STARTED', 'FILE_UPLOADED', 'ETL_FAILED'))
  const report = await newReport(server, organization)
  await recordReportEvents(server, report, [
    { progress: { variant: 'EDITING', message: 'p' } },
    { state: { message: 's', state: 'PLANNING' } },
  ])
  const query = `query ($d: UUID!, $r: UUID!) {
    dataset(id: $d) {
      events(first: 2, types: [ETL_STARTED, ETL_FAILED]) { totalCount nodes { seq dataset { name head } } }
      eventPage(page: 2, pageSize: 2) { totalCount events { seq dataset { name } } }
    }
    report(id: $r) { state events(kinds: [STATE]) { totalCount nodes { __typename } } }
  }`
  expect(expectData(await server.graphql(query, { d: dataset, r: report }))).toEqual({
    dataset: {
      events: {
        totalCount: 2,
        nodes: [3, 1].map((seq) => ({ seq, dataset: { name: 'mine', head: 3 } })),
      },
      eventPage: { totalCount: 3, events: [{ seq: 1, dataset: { name: 'mine' } }] },
    },
    report: { state: 'PLANNING', events: { totalCount: 1, nodes: [{ __typename: 'StateEvent' }] } },
  })
})

test('An event is found by its id and that of its stream', async ({ server }) => {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  const report = await newReport(server, organization)
  const id = randomUUID()
  await recordWorkerEvents(server, dataset, [{ id, eventType: 'ETL_STARTED', eventData: { a: 1 } }])
  await recordReportEvents(server, report, [{ state: { id, message: 's', state: 'PLANNING' } }])
  const query = `query ($id: UUID!, $d: UUID, $r: UUID) { event(id: $id, datasetId: $d, reportId: $r) {
    __typename ... on WorkerEvent { seq eventData dataset { id } } ... on StateEvent { state }
  } }`
  const event = async (variables: object) => {
    const { data, errors } = await server.graphql(query, variables)
    return errors?.[0]?.extensions.code ?? data.event
  }
  expect(await event({ id, d: dataset })).toEqual({
    __typename: 'WorkerEvent',
    seq: 1,
    eventData: { a: 1 },
    dataset: { id: dataset },
  })
  expect(await event({ id, r: report })).toEqual({ __typename: 'StateEvent', state: 'PLANNING' })
  expect(await event({ id: randomUUID(), d: dataset })).toBeNull()
  expect(await event({ id, d: report })).toBe('NOT_FOUND')
  expect(await event({ id })).toBe('BAD_USER_INPUT')
  expect(await event({ id, d: dataset, r: report })).toBe('BAD_USER_INPUT')
})
