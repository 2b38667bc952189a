import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

let server: TestServer
let organizationId: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organizationId = await newOrganization(server)
})

const event = (eventData: unknown = null, id?: string) => ({ eventType: 'FILE_UPLOADED', eventData, id })

async function history(datasetId: string) {
  const query = `query ($id: UUID!) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) {
      totalCount
      nodes { id seq eventType eventData eventDataText createdAt }
    }
  }`
  return expectData(await server.graphql(query, { id: datasetId })).workerEvents
}

describe('positions', () => {
  test('start at 1 and have no gaps across calls, batches, duplicates and rejected calls', async () => {
    const dataset = await newDataset(server, organizationId)
    const [first] = await recordWorkerEvents(server, dataset, [event()])
    await recordWorkerEvents(server, dataset, [event(), event(null, first?.id), event()])
    const rejected = await server.graphql(RECORD_WORKER_EVENTS, {
      id: dataset,
      events: [event(), { eventType: 'NO_SUCH_TYPE' }],
    })
    expect(rejected.errors).toHaveLength(1)
    await recordWorkerEvents(server, dataset, [event()])
    const { nodes, totalCount } = await history(dataset)
    expect(nodes.map((node: { seq: number }) => node.seq)).toEqual([1, 2, 3, 4])
    expect(totalCount).toBe(4)
  })

  test('have no gaps and follow time under concurrent callers, and each caller receives its own', async () => {
    const dataset = await newDataset(server, organizationId)
    const calls = Array.from({ length: 60 }, (_, i) => recordWorkerEvents(server, dataset, [event(i), event(-i)]))
    const acknowledged = (await Promise.all(calls)).flat()
    const { nodes } = await history(dataset)
    expect(nodes.map((node: { seq: number }) => node.seq)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
    const bySeq = new Map(nodes.map((node: { seq: number; id: string }) => [node.seq, node.id]))
    for (const { seq, id } of acknowledged) expect(bySeq.get(seq)).toBe(id)
    const times = nodes.map((node: { createdAt: string }) => node.createdAt)
    expect(times).toEqual([...times].sort())
  })
})

describe('an id', () => {
  test('stores the same content once, and always returns the first position', async () => {
    const dataset = await newDataset(server, organizationId)
    const id = randomUUID()
    const [first] = await recordWorkerEvents(server, dataset, [event({ a: 1 }, id)])
    await recordWorkerEvents(server, dataset, [event()])
    const [again] = await recordWorkerEvents(server, dataset, [event({ a: 1 }, id.toUpperCase())])
    expect(again).toEqual({ ...first, outcome: 'DUPLICATE' })
    expect((await history(dataset)).totalCount).toBe(2)
  })

  test('with different content is a conflict with the first position, and the rest is stored', async () => {
    const dataset = await newDataset(server, organizationId)
    const id = randomUUID()
    await recordWorkerEvents(server, dataset, [event('first', id)])
    const results = await recordWorkerEvents(server, dataset, [
      event('x'),
      event('other', id),
      { eventType: 'FILE_UPLOAD_FAILED', eventData: 'first', id },
      event('y'),
    ])
    expect(results.map(({ seq, outcome }) => [seq, outcome])).toEqual([
      [2, 'RECORDED'],
      [1, 'CONFLICT'],
      [1, 'CONFLICT'],
      [3, 'RECORDED'],
    ])
    expect((await history(dataset)).nodes.map((node: { eventData: string }) => node.eventData)).toEqual([
      'first',
      'x',
      'y',
    ])
  })

  test('that is repeated within a batch is compared with the stored event', async () => {
    const dataset = await newDataset(server, organizationId)
    const [id, known] = [randomUUID(), randomUUID()]
    await recordWorkerEvents(server, dataset, [event('stored', known)])
    const results = await recordWorkerEvents(server, dataset, [
      event('a', id),
      event('a', id),
      event('b', id),
      event('other', known),
      event('stored', known),
    ])
    expect(results.map(({ seq, outcome }) => [seq, outcome])).toEqual([
      [2, 'RECORDED'],
      [2, 'DUPLICATE'],
      [2, 'CONFLICT'],
      [1, 'CONFLICT'],
      [1, 'DUPLICATE'],
    ])
  })

  test('sent by many concurrent callers is stored once', async () => {
    const dataset = await newDataset(server, organizationId)
    const id = randomUUID()
    const calls = Array.from({ length: 20 }, () => recordWorkerEvents(server, dataset, [event({ same: true }, id)]))
    const results = (await Promise.all(calls)).flat()
    expect(results.filter(({ outcome }) => outcome === 'RECORDED')).toHaveLength(1)
    expect(results.every(({ seq }) => seq === 1)).toBe(true)
    expect((await history(dataset)).totalCount).toBe(1)
  })

  test('belongs to its stream: the same id in another dataset is another event', async () => {
    const [one, two] = [await newDataset(server, organizationId), await newDataset(server, organizationId)]
    const id = randomUUID()
    await recordWorkerEvents(server, one, [event(1, id)])
    const [other] = await recordWorkerEvents(server, two, [event(2, id)])
    expect(other).toMatchObject({ seq: 1, outcome: 'RECORDED' })
  })
})

describe('a payload', () => {
  const texts = [
    '{"z":1,"a":{"y":2,"b":3}}',
    '{ "spaced" :\t[ 1.0 , 1e2,-0.10 ] }',
    '{"twice":1,"twice":2,"10":1,"9":2}',
    '{"big":123456789012345678901234567890}',
    '"\\u0000 \\ud800 \\u00e9 é 😀"',
    'null',
    '"text"',
    '0',
  ]

  test.each(texts)('given as text is returned byte for byte: %s', async (text) => {
    const dataset = await newDataset(server, organizationId)
    await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventDataText: text }])
    expect((await history(dataset)).nodes[0].eventDataText).toBe(text)
  })

  test('given as a value keeps the order of its keys, NUL and lone surrogates, as compact text', async () => {
    const dataset = await newDataset(server, organizationId)
    const value = { z: [1, -0.5, 1e-7], a: { '\u0000': '\ud800', é: null }, b: true }
    await recordWorkerEvents(server, dataset, [event(value)])
    const [node] = (await history(dataset)).nodes
    expect(node.eventDataText).toBe(JSON.stringify(value))
    expect(node.eventData).toEqual(value)
  })

  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  const large = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`

  test('can have 1 MiB and 100 levels of nesting', async () => {
    const dataset = await newDataset(server, organizationId)
    const texts = [large(1_048_576), deep(100)]
    await recordWorkerEvents(
      server,
      dataset,
      texts.map((eventDataText) => ({ eventType: 'ETL_STARTED', eventDataText })),
    )
    const { nodes } = await history(dataset)
    expect(nodes.map((node: { eventDataText: string }) => node.eventDataText)).toEqual(texts)
  })

  test.each([
    ['one byte more than 1 MiB', { eventDataText: large(1_048_577) }, /1048577 bytes/],
    ['1 MiB in characters but more in bytes', { eventDataText: `"${'é'.repeat(600_000)}"` }, /bytes/],
    ['101 levels deep, as text', { eventDataText: deep(101) }, /deeper than 100/],
    ['101 levels deep, as a value', { eventData: JSON.parse(deep(101)) }, /deeper than 100/],
    ['12,000 levels deep, which PGlite would drop without a word', { eventDataText: deep(12_000) }, /deeper than 100/],
    ['not JSON', { eventDataText: '{"a":' }, /is not valid JSON/],
    ['empty', { eventDataText: '' }, /is not valid JSON/],
    ['half of a surrogate pair outside an escape', { eventDataText: '"\ud800"' }, /surrogate/],
    ['an integer that has lost digits', { eventData: { id: 2 ** 60 } }, /send it as a string/],
    ['given in both ways', { eventData: 1, eventDataText: '1' }, /cannot be combined/],
  ])('is rejected when it is %s, and nothing of the batch is stored', async (_, payload, message) => {
    const dataset = await newDataset(server, organizationId)
    const events = [event('before'), { eventType: 'ETL_STARTED', ...payload }, event('after')]
    const { errors } = await server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringMatching(message) }])
    expect(errors?.[0]?.message).toContain('events[1]')
    expect((await history(dataset)).totalCount).toBe(0)
  })

  test.each(['1e400', '12345678901234567890', '{ a: FOO }', '[$missing]'])(
    'is rejected as the literal %s, which has no exact JSON value',
    async (literal) => {
      const dataset = await newDataset(server, organizationId)
      const query = `mutation ($id: UUID!, $missing: JSON) {
      recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED, eventData: ${literal} }, { eventType:
      ETL_STARTED, eventData: $missing }]) {
        results { seq }
      }
    }`
      const { errors } = await server.graphql(query, { id: dataset })
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      expect((await history(dataset)).totalCount).toBe(0)
    },
  )
})

describe('a batch', () => {
  test('can contain 1,000 events, and keeps their order', async () => {
    const dataset = await newDataset(server, organizationId)
    const results = await recordWorkerEvents(
      server,
      dataset,
      Array.from({ length: 1_000 }, (_, i) => event(i)),
    )
    expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
    const { nodes } = await history(dataset)
    expect(nodes.map((node: { eventData: number }) => node.eventData)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i),
    )
  })

  test('of 1,001 events is rejected as a whole', async () => {
    const dataset = await newDataset(server, organizationId)
    const { errors } = await server.graphql(RECORD_WORKER_EVENTS, {
      id: dataset,
      events: Array.from({ length: 1_001 }, () => event()),
    })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining('1000') }])
    expect((await history(dataset)).totalCount).toBe(0)
  })

  test('of no events records none', async () => {
    const dataset = await newDataset(server, organizationId)
    expect(await recordWorkerEvents(server, dataset, [])).toEqual([])
  })
})
