import { on, once } from 'node:events'
import { getHeapStatistics } from 'node:v8'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { freshDatabase } from '../support/database.ts'
import { serve } from '../support/process.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  RECORD_REPORT_EVENTS,
  RECORD_WORKER_EVENTS,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, metric, type Result, serverAt, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { TRANSPORTS } from '../support/transports.ts'
import { until } from '../support/until.ts'

/** Maximum subscriptions per key. */
const SUBSCRIPTIONS = 40

let server: TestServer
let organization: string
let key: string
let report: string
let dataset: string

beforeAll(async () => {
  server = await startServer({ MAX_BODY_BYTES: '40000000', MAX_SOCKETS_PER_KEY: String(SUBSCRIPTIONS) })
  organization = await newOrganization(server)
  key = await newKey(server, organization)
  report = await newReport(server, organization)
  dataset = await newDataset(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

const times = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i)).join(' ')
const block = (idx: number, sources: object[] = []) => ({ blockUpdate: { block: { idx, template: '', sources } } })
const CURSOR_AND_NODE = 'cursor node { id seq message timestamp block { idx template } }'
const REJECTED = { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] }

describe('Lists are counted by their actual length, once per alias', () => {
  let vectors: string
  let blocks: string

  beforeAll(async () => {
    vectors = await newReport(server, organization)
    const embedding = Array.from({ length: 10_000 }, (_, i) => i)
    await recordReportEvents(server, vectors, [
      block(0, [{ node: { embedding } }]),
      block(1, [{ node: { embedding } }]),
    ])
    blocks = await newReport(server, organization)
    for (let first = 0; first < 3_000; first += 1_000)
      await recordReportEvents(
        server,
        blocks,
        Array.from({ length: 1_000 }, (_, i) => block(first + i)),
      )
  })

  const page = (names: number) =>
    `{ reportEvents(reportId: "${vectors}") { nodes { ... on BlockUpdateEvent { block { sources { node {
      ${times(names, (i) => `e${i}: embedding`)} } } } } } } }`
  const shown = (names: number) =>
    `{ report(id: "${blocks}") { snapshot { ${times(names, (i) => `b${i}: blocks { ${CURSOR_AND_NODE} }`)} } } }`

  test.each(TRANSPORTS)('over %s', async (_, send) => {
    for (const query of [page(26), shown(25)])
      expect(await send(server.url, key, JSON.stringify({ query }))).toBe('BAD_USER_INPUT')
    expect(await send(server.url, key, JSON.stringify({ query: page(1) }))).toBeUndefined()
  })

  test('all long lists within the limit are returned', async () => {
    const { reportEvents } = expectData(await server.graphql(page(2), {}, key))
    for (const { block } of reportEvents.nodes) {
      expect(block.sources[0].node.e0).toHaveLength(10_000)
      expect(block.sources[0].node.e1).toEqual(block.sources[0].node.e0)
    }
    const { snapshot } = expectData(await server.graphql(shown(1), {}, key)).report
    expect(snapshot.b0.map(({ node }: { node: { block: { idx: number } } }) => node.block.idx)).toEqual(
      Array.from({ length: 3_000 }, (_, idx) => idx),
    )
  })
})

test('A snapshot can be read in parts', async () => {
  const id = await newReport(server, organization)
  const progress = (groupId: string | null, variant: string) => ({ progress: { groupId, variant, message: '' } })
  const groups = [3, 1, 2].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`)
  await recordReportEvents(server, id, [
    ...[7, -1, 3, 5].map((idx) => block(idx)),
    ...groups.map((group) => progress(group, 'SUMMARIZE')),
    progress(null, 'EDITING'),
    block(-1),
  ])
  const query = `query ($id: UUID!, $first: Int, $idx: Int, $group: String) { report(id: $id) { snapshot {
    blocks(first: $first, after: $idx) { node { seq block { idx } } }
    operations(first: $first, after: $group) { node { groupId variant } }
  } } }`
  const part = async (variables: object) => {
    const { snapshot } = expectData(await server.graphql(query, { id, ...variables }, key)).report
    return {
      blocks: snapshot.blocks.map(({ node }: { node: { block: { idx: number } } }) => node.block.idx),
      operations: snapshot.operations.map(
        ({ node }: { node: { groupId: string | null; variant: string } }) => node.groupId ?? node.variant,
      ),
    }
  }
  expect(await part({})).toEqual({ blocks: [-1, 3, 5, 7], operations: [...groups, 'EDITING'] })
  expect(await part({ first: 2 })).toEqual({ blocks: [-1, 3], operations: groups.slice(0, 2) })
  expect(await part({ first: 2, idx: 3, group: groups[2] })).toEqual({ blocks: [5, 7], operations: ['EDITING'] })
  expect(await part({ idx: 7, group: 'EDITING' })).toEqual({ blocks: [], operations: [] })
  expect(await server.graphql(query, { id, group: 'SUMMARIZE' }, key)).toMatchObject(REJECTED)
})

test('Concurrent requests for a snapshot see everything recorded before each of them', async () => {
  const id = await newReport(server, organization)
  const query = '{ report(id: "$id") { snapshot { blocks { node { seq } } } } }'.replace('$id', id)
  const seen = async (least: number) => {
    const { blocks } = expectData(await server.graphql(query, {}, key)).report.snapshot
    expect(blocks[0].node.seq).toBeGreaterThanOrEqual(least)
  }
  const asked: Promise<void>[] = []
  for (let seq = 1; seq <= 50; seq++) {
    await recordReportEvents(server, id, [block(0)])
    asked.push(seen(seq), seen(seq), seen(seq))
  }
  await Promise.all(asked)
})

describe('The size of an append is limited with its defaults', () => {
  const sources = (events: number) =>
    Array.from({ length: events }, (_, idx) => block(idx, Array(1_000).fill({ node: {} })))

  test.each(TRANSPORTS)('over %s', async (_, send) => {
    const record = (events: object[], query = RECORD_REPORT_EVENTS, id = report) =>
      send(server.url, server.rootKey, JSON.stringify({ query, variables: { id, events } }))
    expect(await record(sources(11))).toBe('BAD_USER_INPUT')
    expect(await record(sources(2))).toBeUndefined()
    const large = Array(17).fill({ eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) })
    expect(await record(large, RECORD_WORKER_EVENTS, dataset)).toBe('BAD_USER_INPUT')
    expect(await record(Array(1_001).fill(block(0)))).toBe('BAD_USER_INPUT')
  })

  test('nothing of a rejected append is stored', async () => {
    const count = `{ workerEvents(datasetId: "${dataset}") { totalCount } }`
    expect(expectData(await server.graphql(count)).workerEvents.totalCount).toBe(0)
  })
})

describe('A long response equals a short one', () => {
  let events: string
  const eventData = {
    long: 'x'.repeat(300),
    text: 'a "quoted" \\ text\n\u2028 é 漢 😀',
    list: [1.5, -0, 1.25e-7, null, true, { '': [] }],
  }

  beforeAll(async () => {
    events = await newDataset(server, organization)
    await recordWorkerEvents(server, events, Array(1_000).fill({ eventType: 'ETL_STARTED', eventData }))
  })

  const query = () =>
    `{ workerEvents(datasetId: "${events}", first: 1000) { nodes { seq eventType eventData } }
      nothing: report(id: "${events}") { id } }`
  const expected = () => ({
    data: {
      workerEvents: {
        nodes: Array.from({ length: 1_000 }, (_, i) => ({ seq: 1_000 - i, eventType: 'ETL_STARTED', eventData })),
      },
      nothing: null,
    },
  })
  const post = (accept: string) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept },
      body: JSON.stringify({ query: query() }),
    })

  test.each(['application/json', 'application/graphql-response+json'])('as %s', async (accept) => {
    const response = await post(accept)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, `${accept}; charset=utf-8`])
    // It is written while it is built.
    expect(response.headers.get('content-length')).toBeNull()
    expect(await response.text()).toBe(JSON.stringify(expected()))
  })

  test('as a server-sent event', async () => {
    const response = await post('text/event-stream')
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(await response.text()).toBe(
      `:\n\nevent: next\ndata: ${JSON.stringify(expected())}\n\nevent: complete\ndata:\n\n`,
    )
  })

  test('as a WebSocket message', async () => {
    const socket = await openSocket(key)
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: query() } }))
    const [message] = await once(socket, 'message')
    expect(String(message)).toBe(JSON.stringify({ id: '1', type: 'next', payload: expected() }))
  })
})

/** A socket with an accepted connection_init. */
async function openSocket(key: string): Promise<WebSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(socket, 'message')
  return socket
}

test('A result that was sent over a WebSocket holds no memory', async () => {
  const id = await newDataset(server, organization)
  await recordWorkerEvents(server, id, Array(15).fill({ eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) }))
  const query = `{ workerEvents(datasetId: "${id}") { nodes { eventDataText } } }`
  const socket = await openSocket(key)
  // Together more than a caller can hold: a sixteenth of the heap.
  const rounds = Math.ceil(getHeapStatistics().heap_size_limit / 16 / 15_000_000) + 1
  for (let i = 0; i < rounds; i++) {
    const sent = on(socket, 'message')
    socket.send(JSON.stringify({ id: `${i}`, type: 'subscribe', payload: { query } }))
    const [result] = (await sent.next()).value
    expect(JSON.parse(result)).toMatchObject({
      type: 'next',
      payload: { data: { workerEvents: { nodes: { length: 15 } } } },
    })
    expect(JSON.parse((await sent.next()).value[0])).toEqual({ id: `${i}`, type: 'complete' })
    await sent.return?.()
  }
})

describe('Of a subscription', () => {
  const follow = (field: string) => `subscription ($id: UUID!) { workerEvents(datasetId: $id) { node { ${field} } } }`
  const text = times(10, (i) => `a${i}: eventDataText`)

  test.each(TRANSPORTS)('the cost is limited per event, over %s', async (_, send) => {
    const small = await startServer({ MAX_COST: '500' })
    onTestFinished(() => small[Symbol.asyncDispose]())
    const id = await newDataset(small, await newOrganization(small))
    const fields = times(12, (i) => `a${i}: seq`)
    const body = JSON.stringify({ query: follow(fields), variables: { id } })
    expect(await send(small.url, small.rootKey, body)).toBe('GRAPHQL_VALIDATION_FAILED')
    const page = JSON.stringify({ query: `{ workerEvents(datasetId: "${id}") { nodes { ${fields} } } }` })
    expect(await send(small.url, small.rootKey, page)).toBeUndefined()
  })

  test.each([
    ['WebSocket', overWebSocket],
    ['server-sent events', overSse],
  ])('the result of an event is limited to a multiple of its size, over %s', async (_, subscribe) => {
    const id = await newDataset(server, organization)
    const subscription = subscribe(server.url, key, follow(text), { id })
    onTestFinished(() => subscription.end())
    await subscription.opened(server, 1)
    await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED', eventData: 'short' }])
    expect(await subscription.take(1)).toMatchObject([{ node: { a9: '"short"' } }])
    await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) }])
    expect(await subscription.failure()).toBe('BAD_USER_INPUT')
  })

  test('the number per key is limited over all its connections', async () => {
    const own = await newKey(server, organization)
    const sockets = await Promise.all([openSocket(own), openSocket(own)])
    for (const [index, socket] of sockets.entries())
      for (let i = 0; i < SUBSCRIPTIONS / 2; i++) {
        const payload = { query: follow('seq'), variables: { id: dataset } }
        socket.send(JSON.stringify({ id: `${index} ${i}`, type: 'subscribe', payload }))
      }
    await server.followers(SUBSCRIPTIONS)
    for (const [, send] of TRANSPORTS) {
      const body = JSON.stringify({ query: follow('seq'), variables: { id: dataset } })
      expect(await send(server.url, own, body)).toBe('RATE_LIMITED')
    }
    sockets[0]?.send(JSON.stringify({ id: '0 0', type: 'complete' }))
    await server.followers(SUBSCRIPTIONS - 1)
    const next = overWebSocket(server.url, own, follow('seq'), { id: dataset })
    onTestFinished(() => next.end())
    await next.opened(server, SUBSCRIPTIONS)
  })

  test('results are built as its connection accepts them', async () => {
    const id = await newDataset(server, organization)
    const socket = await openSocket(key)
    socket.pause()
    for (let i = 0; i < 30; i++) {
      const payload = { query: follow(`n${i}: seq ${times(7, (i) => `a${i}: eventDataText`)}`), variables: { id } }
      socket.send(JSON.stringify({ id: String(i), type: 'subscribe', payload }))
    }
    const other = overWebSocket(server.url, key, follow('seq'), { id })
    onTestFinished(() => other.end())
    await other.opened(server, 31)
    const deliveries = () => metric(server.url, 'tidemark_deliveries_total')
    const before = await deliveries()
    for (const size of [300_000, 1, 1]) {
      await recordWorkerEvents(server, id, [{ eventType: 'ETL_STARTED', eventData: 'x'.repeat(size) }])
      await other.take(1)
    }
    // Three belong to the other client.
    expect((await deliveries()) - before).toBeLessThan(10)
    const taken = new Promise<void>((resolve) => {
      let count = 0
      socket.on('message', (data) => {
        if (JSON.parse(String(data)).type === 'next' && ++count === 90) resolve()
      })
    })
    socket.resume()
    await taken
  })
})

test('What operations hold is released when their clients leave in the middle of them', async () => {
  const env = await freshDatabase()
  // A caller may hold a sixteenth of this, and each of the operations holds a third of that.
  const small = await serve({ ...env, NODE_OPTIONS: '--max-old-space-size=192' })
  onTestFinished(() => void small.child.kill('SIGKILL'))
  const root = 'test-root-api-key'
  const asRoot = serverAt(small.url)
  const id = await newDataset(asRoot, await newOrganization(asRoot))
  const events = Array.from({ length: 3 }, () => ({ eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) }))
  for (const event of events) await recordWorkerEvents(asRoot, id, [event])
  const body = JSON.stringify({ query: `{ workerEvents(datasetId: "${id}") { nodes { eventDataText } } }` })
  const headers = { authorization: `Bearer ${root}`, 'content-type': 'application/json' }
  const read = (accept: string, signal?: AbortSignal) =>
    fetch(`${small.url}/graphql`, { method: 'POST', headers: { ...headers, accept }, body, signal })
  for (const accept of ['application/json', 'text/event-stream'])
    for (let i = 0; i < 8; i++) {
      const leaving = new AbortController()
      expect((await read(accept, leaving.signal)).status).toBe(200)
      leaving.abort()
      await until(async () => (await metric(small.url, 'tidemark_unsent_bytes')) === 0)
    }
  for (let i = 0; i < 8; i++) {
    const socket = new WebSocket(`${small.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${root}` } }))
    await once(socket, 'message')
    await new Promise((resolve) => socket.send(`{"id":"1","type":"subscribe","payload":${body}}`, resolve))
    socket.terminate()
    await until(async () => (await metric(small.url, 'tidemark_sockets')) === 0)
  }
  const whole = (await (await read('application/json')).json()) as Result
  expect(whole.errors).toBeUndefined()
  expect(whole.data.workerEvents.nodes).toHaveLength(3)
})
