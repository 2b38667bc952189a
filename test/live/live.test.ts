import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'
import { tailReads } from '../support/wakeups.ts'

let server: TestServer
let organization: string
let key: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  key = await newKey(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

const WORKER_EVENTS = `subscription ($id: UUID!, $types: [WorkerEventType!], $from: StreamStart, $after: String) {
  workerEvents(datasetId: $id, types: $types, from: $from, after: $after) { cursor node {
  seq eventType eventData organizationId } }
}`
const TAIL = `subscription ($id: UUID!, $types: [WorkerEventType!], $tail: Int) {
  workerEvents(datasetId: $id, types: $types, tail: $tail) { cursor node { seq } }
}`
const REPORT_EVENTS = `subscription ($id: UUID!, $kinds: [ReportEventKind!], $from: StreamStart, $after: String,
  $pastEnd: Boolean) {
  reportEvents(reportId: $id, kinds: $kinds, from: $from, after: $after, pastEnd: $pastEnd) {
    cursor node { __typename ... on ReportEventItem { seq message } }
  }
}`

const events = (n: number, eventType = 'FILE_UPLOADED') =>
  Array.from({ length: n }, (_, i) => ({ eventType, eventData: i }))

describe.each<[string, Subscribe]>([
  ['WebSocket', overWebSocket],
  ['server-sent events', overSse],
])('over %s, a subscription', (_, subscribe) => {
  const open = (query: string, variables: object, as: string | null = key, headers = {}) => {
    const subscription = subscribe(server.url, as, query, variables, headers)
    onTestFinished(() => subscription.end())
    return subscription
  }
  const seqs = (edges: { node: { seq: number } }[]) => edges.map(({ node }) => node.seq)
  const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)

  test('delivers all events from the beginning, then new ones, each once and in order', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, events(250))
    const subscription = open(WORKER_EVENTS, { id: dataset, from: 'BEGINNING' })
    expect(seqs(await subscription.take(250))).toEqual(upTo(250))
    for (let i = 0; i < 5; i++) await recordWorkerEvents(server, dataset, events(10))
    const live = await subscription.take(50)
    expect(seqs(live)).toEqual(upTo(300, 251))
    expect(live[0]).toMatchObject({ node: { organizationId: organization, eventType: 'FILE_UPLOADED', eventData: 0 } })
  })

  test('delivers payloads with line breaks between their tokens', async () => {
    const dataset = await newDataset(server, organization)
    const eventDataText = '{\r\n  "a": "\\n",\n\n  "b": [1,\r2]\n}'
    await recordWorkerEvents(server, dataset, [{ eventType: 'FILE_UPLOADED', eventDataText }, ...events(1)])
    const query = `subscription ($id: UUID!) {
      workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq eventData eventDataText } }
    }`
    const [first, second] = await open(query, { id: dataset }).take(2)
    expect(first).toMatchObject({ node: { seq: 1, eventData: { a: '\n', b: [1, 2] }, eventDataText } })
    expect(second).toMatchObject({ node: { seq: 2, eventData: 0 } })
  })

  // What a document with a directive selects is not compiled.
  test('delivers the same, whether its document is compiled or executed', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_FAILED' }, ...events(2)])
    const query = (directive: string) => `subscription ($id: UUID!, $bytes: Int) {
      workerEvents(datasetId: $id, from: BEGINNING) {
        cursor node {
          __typename id seq type: eventType ${directive} createdAt redactedAt eventData eventDataText
          preview: eventDataPreview(maxBytes: $bytes) data { __typename } dataset { id head }
        }
      }
    }`
    const variables = { id: dataset, bytes: 3 }
    const [compiled, executed] = ['', '@include(if: true)'].map((directive) => open(query(directive), variables))
    const edges = await compiled?.take(3)
    expect(edges).toHaveLength(3)
    expect(edges).toEqual(await executed?.take(3))
  })

  test('reports its position past a thousand events that its filter leaves out', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, events(1_000, 'ETL_FAILED'))
    const subscription = open(WORKER_EVENTS, { id: dataset, types: ['FILE_UPLOADED'], from: 'BEGINNING' })
    expect(positionIn(await subscription.start())).toBe(0)
    expect(positionIn(await subscription.position())).toBe(1_000)
    await recordWorkerEvents(server, dataset, [...events(500, 'ETL_FAILED'), ...events(1)])
    expect(seqs(await subscription.take(1))).toEqual([1_501])
    // Counted from the last event on, which has a cursor of its own.
    await recordWorkerEvents(server, dataset, events(999, 'ETL_FAILED'))
    await recordWorkerEvents(server, dataset, events(1, 'ETL_FAILED'))
    const position = await subscription.position()
    expect(positionIn(position)).toBe(2_501)
    const resumed = open(WORKER_EVENTS, { id: dataset, types: ['FILE_UPLOADED'], after: position })
    await recordWorkerEvents(server, dataset, events(1))
    expect(seqs(await resumed.take(1))).toEqual([2_502])
  })

  test('begins with the newest events that match', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, [...events(5), ...events(5, 'ETL_FAILED')])
    const subscription = open(TAIL, { id: dataset, types: ['FILE_UPLOADED'], tail: 2 })
    expect(seqs(await subscription.take(2))).toEqual([4, 5])
    await recordWorkerEvents(server, dataset, events(1))
    expect(seqs(await subscription.take(1))).toEqual([11])
  })

  test('begins with the next event by default', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, events(3))
    const subscription = open(WORKER_EVENTS, { id: dataset })
    await subscription.opened(server, 1)
    await recordWorkerEvents(server, dataset, events(2))
    expect(seqs(await subscription.take(2))).toEqual([4, 5])
  })

  test('sends its start position, so that a disconnect before the first event loses nothing', async () => {
    const dataset = await newDataset(server, organization)
    for (const there of [0, 3]) {
      await recordWorkerEvents(server, dataset, events(there))
      const broken = open(WORKER_EVENTS, { id: dataset })
      const after = await broken.start()
      await broken.end()
      // Even if there are no new events since.
      const again = open(WORKER_EVENTS, { id: dataset, after })
      expect(await again.start()).toBe(after)
      await recordWorkerEvents(server, dataset, events(2))
      const resumed = open(WORKER_EVENTS, { id: dataset, after })
      expect(seqs(await resumed.take(2))).toEqual(there === 0 ? [1, 2] : [6, 7])
      expect(positionIn(await resumed.start())).toBe(positionIn(after))
    }
  })

  test('resumes after a cursor of a page, an edge or a recording, which takes precedence over from', async () => {
    const dataset = await newDataset(server, organization)
    const recorded = await recordWorkerEvents(server, dataset, events(20))
    const { data } = await server.graphql(
      `{ workerEvents(datasetId: "${dataset}", order: OLDEST_FIRST, first: 5) { pageInfo { endCursor } } }`,
    )
    const cursor = data.workerEvents.pageInfo.endCursor
    expect(cursor).toBe(recorded[4]?.cursor)
    const first = open(WORKER_EVENTS, { id: dataset, after: cursor, from: 'BEGINNING' })
    const edges = await first.take(3)
    expect(seqs(edges)).toEqual([6, 7, 8])
    await first.end()
    const second = open(WORKER_EVENTS, { id: dataset, after: edges.at(-1)?.cursor })
    expect(seqs(await second.take(12))).toEqual(upTo(20, 9))
  })

  test('delivers only the selected types, from history and live', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, [...events(3, 'ETL_FAILED'), ...events(3), ...events(2, 'ETL_STARTED')])
    const subscription = open(WORKER_EVENTS, { id: dataset, types: ['ETL_FAILED', 'ETL_STARTED'], from: 'BEGINNING' })
    expect(seqs(await subscription.take(5))).toEqual([1, 2, 3, 7, 8])
    await recordWorkerEvents(server, dataset, [...events(2), ...events(1, 'ETL_FAILED')])
    expect(seqs(await subscription.take(1))).toEqual([11])
  })

  test('loses nothing between history and live events', async () => {
    const dataset = await newDataset(server, organization)
    let done = false
    const writer = (async () => {
      while (!done) await recordWorkerEvents(server, dataset, events(3))
    })()
    const subscriptions = Array.from({ length: 12 }, () => open(WORKER_EVENTS, { id: dataset, from: 'BEGINNING' }))
    for (const subscription of subscriptions) expect(seqs(await subscription.take(60))).toEqual(upTo(60))
    done = true
    await writer
  })

  test('to a report ends when the report ends, after all events are delivered', async () => {
    const report = await newReport(server, organization)
    const subscription = open(REPORT_EVENTS, { id: report, kinds: ['PROGRESS'], from: 'BEGINNING' })
    await recordReportEvents(server, report, [
      { state: { message: 'go', state: 'GENERATING' } },
      { progress: { variant: 'EDITING', message: 'one' } },
    ])
    expect(seqs(await subscription.take(1))).toEqual([2])
    await recordReportEvents(server, report, [
      { state: { message: 'done', state: 'COMPLETED' } },
      { progress: { variant: 'EDITING', message: 'last words' } },
    ])
    expect(seqs(await subscription.rest())).toEqual([4])
    // A later subscriber gets all of it and ends, too; so does one that starts at NOW.
    expect(seqs(await open(REPORT_EVENTS, { id: report, from: 'BEGINNING' }).rest())).toEqual([1, 2, 3, 4])
    expect(await open(REPORT_EVENTS, { id: report }).rest()).toEqual([])
  })

  test('to a report continues past its end with pastEnd, and after the report starts again', async () => {
    const report = await newReport(server, organization)
    await recordReportEvents(server, report, [{ state: { message: 'failed', state: 'ERROR' } }])
    const past = open(REPORT_EVENTS, { id: report, from: 'BEGINNING', pastEnd: true })
    expect(seqs(await past.take(1))).toEqual([1])
    await recordReportEvents(server, report, [{ state: { message: 'again', state: 'PLANNING' } }])
    expect(seqs(await past.take(1))).toEqual([2])
    const anew = open(REPORT_EVENTS, { id: report, from: 'BEGINNING' })
    expect(seqs(await anew.take(2))).toEqual([1, 2])
    await recordReportEvents(server, report, [{ state: { message: 'done', state: 'COMPLETED' } }])
    expect(seqs(await anew.rest())).toEqual([3])
  })

  test.each([
    ['no key', null, {}, 'UNAUTHENTICATED'],
    ['an unknown key', 'tidemark_unknown', {}, 'UNAUTHENTICATED'],
    ['a dataset that does not exist', undefined, { id: randomUUID() }, 'NOT_FOUND'],
    ['a cursor that is invalid', undefined, { after: 'nonsense' }, 'CURSOR_INVALID'],
    ['a variable that is invalid', undefined, { from: 'YESTERDAY' }, 'BAD_USER_INPUT'],
  ])('is rejected with %s', async (_what, as, variables, code) => {
    const dataset = await newDataset(server, organization)
    const subscription = open(WORKER_EVENTS, { id: dataset, ...variables }, as === undefined ? key : as)
    const failure = await subscription.failure()
    // Without a valid key no socket is opened at all.
    expect(failure).toEqual(code === 'UNAUTHENTICATED' && subscribe === overWebSocket ? 4401 : code)
  })

  test('delivers to each reader what it selected, although others use the same document', async () => {
    const query = `subscription ($id: UUID!, $data: Boolean!) {
      workerEvents(datasetId: $id, from: BEGINNING) { node { seq datasetId eventData @include(if: $data) } }
    }`
    const asked = []
    for (const data of [true, false]) {
      const ids = [await newDataset(server, organization), await newDataset(server, organization)]
      for (const id of ids) asked.push({ id, data, subscription: open(query, { id, data }) })
    }
    await Promise.all(asked.map(({ id }) => recordWorkerEvents(server, id, events(20))))
    for (const { id, data, subscription } of asked) {
      const nodes = (await subscription.take(20)).map(({ node }) => node)
      const expected = upTo(20).map((seq) => ({ seq, datasetId: id, ...(data && { eventData: seq - 1 }) }))
      expect(nodes).toEqual(expected)
    }
  })

  test('delivers to each reader what its key can access, although others use the same document', async () => {
    const query = `subscription ($id: UUID!) {
      workerEvents(datasetId: $id, from: BEGINNING) { node { dataset { organization { id } } } }
    }`
    const dataset = await newDataset(server, organization)
    const restricted = await newKey(server, organization, 'READ', { datasetIds: [dataset] })
    const [all, one] = [open(query, { id: dataset }), open(query, { id: dataset }, restricted)]
    await recordWorkerEvents(server, dataset, events(3))
    const organizations = async (reader: typeof all) =>
      (await reader.take(3)).map(({ node }) => node.dataset.organization)
    expect(await organizations(all)).toEqual(Array(3).fill({ id: organization }))
    expect(await organizations(one)).toEqual(Array(3).fill(null))
  })

  test('to a report ends with the report, also without its states selected', async () => {
    const report = await newReport(server, organization)
    await recordReportEvents(server, report, [
      { progress: { variant: 'EDITING', message: 'one' } },
      { state: { message: 'done', state: 'COMPLETED' } },
      { progress: { variant: 'EDITING', message: 'two' } },
    ])
    const subscription = open(REPORT_EVENTS, { id: report, kinds: ['PROGRESS'], from: 'BEGINNING' })
    expect(seqs(await subscription.rest())).toEqual([1, 3])
  })

  test('is rejected for the dataset of another organization', async () => {
    const dataset = await newDataset(server, await newOrganization(server))
    expect(await open(WORKER_EVENTS, { id: dataset }).failure()).toBe('NOT_FOUND')
  })

  test('leaves nothing behind when its client disconnects, idle or not', async () => {
    const dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, events(500))
    const idle = open(WORKER_EVENTS, { id: dataset })
    const busy = open(WORKER_EVENTS, { id: dataset, from: 'BEGINNING' })
    await busy.take(1)
    await idle.opened(server, 2)
    await Promise.all([idle.end(), busy.end()])
    await server.followers(0)
    expect(await metric(server.url, 'tidemark_cohorts')).toBe(0)
    // Streams without followers are not read.
    const reads = await tailReads(server.url, 'in-process')
    await recordWorkerEvents(server, dataset, events(1))
    expect(await tailReads(server.url, 'in-process')).toBe(reads)
  })
})

test('A subscription that does not accept server-sent events is rejected; Accept: */* receives them', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, events(1))
  const body = JSON.stringify({ query: WORKER_EVENTS, variables: { id: dataset, from: 'BEGINNING' } })
  const ask = (accept: string) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, accept },
      body,
    })
  for (const accept of ['application/json', 'multipart/mixed']) {
    const rejected = await ask(accept)
    expect(rejected.status).toBe(406)
    expect(await rejected.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
  }
  const anything = await ask('*/*')
  let text = ''
  for await (const chunk of anything.body ?? []) {
    text += Buffer.from(chunk)
    if (text.includes('event: next')) break
  }
  expect(text).toMatch(/^id: \S+\ndata:\n\nevent: next\nid: \S+\ndata: /)
  await server.followers(0)
})

test('Clients that disconnect before a subscription begins leave nothing behind', async () => {
  const dataset = await newDataset(server, organization)
  const body = JSON.stringify({ query: WORKER_EVENTS, variables: { id: dataset } })
  const { port } = new URL(server.url)
  const head = `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${key}`
  for (let i = 0; i < 100; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`${head}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    // Some disconnect immediately, some a little later.
    for (let turn = 0; turn < i % 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
  }
  await server.followers(0)
})

test('Undeclared variables have no effect', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, events(1))
  const variables = { id: dataset, from: 'BEGINNING', x: { toString: 1 }, y: 1 }
  const subscription = overSse(server.url, key, WORKER_EVENTS, variables)
  expect(await subscription.take(1)).toHaveLength(1)
  await subscription.end()
  await server.followers(0)
})

test('Last-Event-ID resumes, and takes precedence over the cursor of the first request', async () => {
  const dataset = await newDataset(server, organization)
  const recorded = await recordWorkerEvents(server, dataset, events(9))
  const headers = { 'last-event-id': recorded[6]?.cursor ?? '' }
  const subscription = overSse(server.url, key, WORKER_EVENTS, { id: dataset, after: recorded[1]?.cursor }, headers)
  expect((await subscription.take(2)).map(({ node }) => node.seq)).toEqual([8, 9])
  expect(subscription.ids).toEqual([recorded[7]?.cursor, recorded[8]?.cursor])
  await subscription.end()
})
