import { fc, test as property } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { cursorAt } from '../support/cursor.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED', 'QDRANT_UPLOAD_FAILED']

interface Edge {
  cursor: string
  node: { seq: number; eventType: string; createdAt: string }
}

let server: TestServer
let organizationId: string
let dataset: string
/** All events of the dataset, oldest first: the reference for every page. */
let model: Edge[]

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organizationId = await newOrganization(server)
  dataset = await newDataset(server, organizationId)
  // Uneven shares, in several calls, so that types are rare in some places and frequent in others, and times differ.
  for (let call = 0; call < 12; call++) {
    const events = Array.from({ length: 30 + call }, (_, i) => ({
      eventType: TYPES[((i * i + call) % 7) % 4],
      eventData: i,
    }))
    await recordWorkerEvents(server, dataset, events)
  }
  model = (await connection({ order: 'OLDEST_FIRST', first: 1000 })).edges
})

const CONNECTION = `query ($id: UUID!, $types: [WorkerEventType!], $since: DateTime, $until: DateTime,
  $order: EventOrder,
    $first: Int, $after: String, $last: Int, $before: String) {
  workerEvents(datasetId: $id, types: $types, since: $since, until: $until, order: $order,
      first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { seq }
    edges { cursor node { seq eventType createdAt } }
  }
}`

async function connection(variables: object) {
  return expectData(await server.graphql(CONNECTION, { id: dataset, ...variables })).workerEvents
}

async function errorCodes(query: string, variables: object): Promise<unknown> {
  const { errors } = await server.graphql(query, { id: dataset, ...variables })
  return errors?.map(({ extensions }) => extensions.code)
}

test('The test model contains every event once, in order', () => {
  expect(model.map(({ node }) => node.seq)).toEqual(Array.from({ length: model.length }, (_, i) => i + 1))
  expect(model.length).toBe(12 * 30 + 66)
})

describe('a connection', () => {
  const someTypes = fc.option(fc.subarray(TYPES), { nil: null })
  const position = fc.option(fc.nat({ max: 500 }), { nil: null })
  const size = fc.record({ backward: fc.boolean(), limit: fc.option(fc.nat({ max: 60 }), { nil: null }) })
  const order = fc.constantFrom('NEWEST_FIRST', 'OLDEST_FIRST')

  property.prop([someTypes, position, position, position, position, size, order], { numRuns: 150 })(
    'equals the Relay algorithm over the whole history, for generated arguments',
    async (types, after, before, since, until, { backward, limit }, order) => {
      const at = (position: number | null) => (position === null ? undefined : model[position % model.length])
      const variables = {
        types,
        order,
        since: at(since)?.node.createdAt,
        until: at(until)?.node.createdAt,
        after: at(after)?.cursor,
        before: at(before)?.cursor,
        [backward && limit !== null ? 'last' : 'first']: limit,
      }
      const page = await connection(variables)

      const inOrder = order === 'NEWEST_FIRST' ? [...model].reverse() : model
      const matching = inOrder.filter(
        ({ node }) =>
          (!types?.length || types.includes(node.eventType)) &&
          node.createdAt >= (variables.since ?? '') &&
          (variables.until === undefined || node.createdAt < variables.until),
      )
      const index = (edge: Edge) => inOrder.indexOf(edge)
      const from = at(after) ? index(at(after) as Edge) : -1
      const to = at(before) ? index(at(before) as Edge) : inOrder.length
      const between = matching.filter((edge) => index(edge) > from && index(edge) < to)
      const count = limit ?? 20
      const expected =
        backward && limit !== null ? between.slice(Math.max(0, between.length - count)) : between.slice(0, count)
      expect(page.edges).toEqual(expected)
      expect(page.nodes.map((node: { seq: number }) => node.seq)).toEqual(expected.map(({ node }) => node.seq))
      expect(page.totalCount).toBe(matching.length)
      expect(page.pageInfo).toMatchObject({
        startCursor: expected.at(0)?.cursor ?? null,
        endCursor: expected.at(-1)?.cursor ?? null,
      })
      if (expected.length > 0) {
        const [first, last] = [expected[0] as Edge, expected.at(-1) as Edge]
        expect(page.pageInfo.hasPreviousPage).toBe(matching.some((edge) => index(edge) < index(first)))
        expect(page.pageInfo.hasNextPage).toBe(matching.some((edge) => index(edge) > index(last)))
      }
    },
  )

  test('read by its cursors returns every event once while others are appended', async () => {
    const id = await newDataset(server, organizationId)
    const add = () =>
      recordWorkerEvents(
        server,
        id,
        Array.from({ length: 7 }, () => ({ eventType: 'ETL_STARTED' })),
      )
    for (let i = 0; i < 5; i++) await add()
    const seen: number[] = []
    for (let after: string | undefined, more = true; more; ) {
      const { edges, pageInfo } = await connection({ id, first: 10, after })
      seen.push(...edges.map(({ node }: Edge) => node.seq))
      after = pageInfo.endCursor
      more = pageInfo.hasNextPage
      await add()
    }
    expect(seen).toEqual(Array.from({ length: 35 }, (_, i) => 35 - i))
  })

  test('returns 20 events by default', async () => {
    expect((await connection({})).edges).toHaveLength(20)
  })

  test.each([
    ['first beyond 1,000', { first: 1_001 }],
    ['last beyond 1,000', { last: 1_001 }],
    ['a negative first', { first: -1 }],
    ['a negative last', { last: -1 }],
    ['first and last together', { first: 1, last: 1 }],
    ['a first that is not an Int', { first: 2 ** 31 }],
    ['a time that is invalid', { since: 'yesterday' }],
    ['a type that is invalid', { types: ['NOPE'] }],
  ])('rejects %s', async (_, variables) => {
    expect(await errorCodes(CONNECTION, variables)).toEqual(['BAD_USER_INPUT'])
  })
})

describe('a cursor', () => {
  test.each([
    ['not a cursor', 'hello'],
    ['empty', ''],
    ['truncated', 'AQGiAe318XKrmPt_aGuaHiUAAAAAAAAA'],
    ['padded', 'AQGiAe318XKrmPt_aGuaHiUAAAAAAAAAAQ=='],
    ['very long', 'A'.repeat(10_000)],
    ['text with NUL', 'AQ\u0000'],
  ])('that is %s is rejected', async (_, after) => {
    expect(await errorCodes(CONNECTION, { after })).toEqual(['CURSOR_INVALID'])
    expect(await errorCodes(CONNECTION, { before: after })).toEqual(['CURSOR_INVALID'])
  })

  test('of another stream, of a report, or of a later time is rejected', async () => {
    const other = await newDataset(server, organizationId)
    const [recorded] = await recordWorkerEvents(server, other, [{ eventType: 'ETL_STARTED' }])
    expect(await errorCodes(CONNECTION, { after: recorded?.cursor })).toEqual(['CURSOR_INVALID'])
    const newest = model.at(-1)?.cursor ?? ''
    expect(await errorCodes(CONNECTION, { after: cursorAt(newest, model.length + 1) })).toEqual(['CURSOR_EXPIRED'])
    expect(await errorCodes(CONNECTION, { after: cursorAt(newest, 2n ** 64n - 1n) })).toEqual(['CURSOR_INVALID'])
    const report = await newReport(server, organizationId)
    const query =
      'query ($report: UUID!, $after: String) { reportEvents(reportId: $report, after: $after) { totalCount } }'
    expect(await errorCodes(query, { report, after: recorded?.cursor })).toEqual(['CURSOR_INVALID'])
  })
})

describe('a numbered page', () => {
  const PAGE = `query ($id: UUID!, $types: [WorkerEventType!], $page: Int, $pageSize: Int) {
    workerEventPage(datasetId: $id, types: $types, page: $page, pageSize: $pageSize) {
      events { seq } eventTypes pageCount totalCount
    }
  }`
  const numbered = async (variables: object) =>
    expectData(await server.graphql(PAGE, { id: dataset, ...variables })).workerEventPage

  property.prop(
    [fc.option(fc.subarray(TYPES), { nil: null }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 90 })],
    {
      numRuns: 150,
    },
  )('is the slice of the filtered history that its number selects', async (types, page, pageSize) => {
    const matching = [...model].reverse().filter(({ node }) => !types?.length || types.includes(node.eventType))
    expect(await numbered({ types, page, pageSize })).toEqual({
      events: matching.slice((page - 1) * pageSize, page * pageSize).map(({ node: { seq } }) => ({ seq })),
      eventTypes: ['CHUNKS_UPLOADED', 'ETL_FAILED', 'FILE_UPLOADED', 'QDRANT_UPLOAD_FAILED'],
      pageCount: Math.ceil(matching.length / pageSize),
      totalCount: matching.length,
    })
  })

  test('is page 1 of 10 events by default', async () => {
    expect((await numbered({})).events.map(({ seq }: { seq: number }) => seq)).toEqual(
      Array.from({ length: 10 }, (_, i) => model.length - i),
    )
  })

  test('of an empty dataset, or of a type without events, is empty', async () => {
    const id = await newDataset(server, organizationId)
    const empty = { events: [], eventTypes: [], pageCount: 0, totalCount: 0 }
    expect(await numbered({ id })).toEqual(empty)
    expect(await numbered({ types: ['CRAWL_FAILED'] })).toMatchObject({ events: [], pageCount: 0, totalCount: 0 })
  })

  test.each([{ page: 0 }, { page: -1 }, { pageSize: 0 }, { pageSize: -5 }, { pageSize: 10_001 }, { page: 2 ** 31 }])(
    'rejects %o',
    async (variables) => {
      expect(await errorCodes(PAGE, variables)).toEqual(['BAD_USER_INPUT'])
    },
  )

  test('far past the end is empty and still returns the count', async () => {
    expect(await numbered({ page: 2 ** 31 - 1, pageSize: 10_000 })).toMatchObject({
      events: [],
      totalCount: model.length,
    })
  })
})
