import { describe, expect, onTestFinished } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'

let server: TestServer
let organization: string
let key: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
  key = await newKey(server, organization)
})

const BATCHES = `subscription (
  $id: UUID!, $types: [WorkerEventType!], $from: StreamStart, $tail: Int, $after: String, $maxEvents: Int,
  $maxWaitMs: Int
) {
  workerEventBatches(
    datasetId: $id, types: $types, from: $from, tail: $tail, after: $after, maxEvents: $maxEvents, maxWaitMs: $maxWaitMs
  ) { edges { cursor node { seq eventType } } cursor caughtUp behind }
}`
const REPORT_BATCHES = `subscription ($id: UUID!, $kinds: [ReportEventKind!], $tail: Int) {
  reportEventBatches(reportId: $id, kinds: $kinds, tail: $tail, from: BEGINNING) {
    edges { cursor node { ... on ReportEventItem { seq } } } cursor caughtUp behind
  }
}`

interface Batch {
  edges: { cursor: string; node: { seq: number; eventType: string } }[]
  cursor: string
  caughtUp: boolean
  behind: number
}

const events = (n: number, eventType = 'FILE_UPLOADED') => Array.from({ length: n }, () => ({ eventType }))
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)
const seqs = ({ edges }: Batch) => edges.map(({ node }) => node.seq)
/** What a batch says beside its events. */
const place = ({ cursor, caughtUp, behind }: Batch) => ({ at: positionIn(cursor), caughtUp, behind })

async function datasetOf(...batches: { eventType: string }[][]): Promise<string> {
  const dataset = await newDataset(server, organization)
  for (const batch of batches) await recordWorkerEvents(server, dataset, batch)
  return dataset
}

describe.each<[string, Subscribe]>([
  ['WebSocket', overWebSocket],
  ['server-sent events', overSse],
])('over %s, a subscription to batches', (_, subscribe) => {
  const open = (query: string, variables: object, headers = {}) => {
    const subscription = subscribe(server.url, key, query, variables, headers)
    onTestFinished(() => subscription.end())
    const take = async (count: number) => (await subscription.take(count)) as unknown as Batch[]
    return { ...subscription, take, next: async () => (await take(1))[0] as Batch }
  }

  test('delivers stored events in full batches, and new ones in small ones', async () => {
    const dataset = await datasetOf(events(25))
    const subscription = open(BATCHES, { id: dataset, from: 'BEGINNING', maxEvents: 10 })
    const batches = await subscription.take(3)
    expect(batches.map(seqs)).toEqual([upTo(10), upTo(20, 11), upTo(25, 21)])
    expect(batches.map(place)).toEqual([
      { at: 10, caughtUp: false, behind: 15 },
      { at: 20, caughtUp: false, behind: 5 },
      { at: 25, caughtUp: true, behind: 0 },
    ])
    await recordWorkerEvents(server, dataset, events(1))
    expect(seqs(await subscription.next())).toEqual([26])
  })

  test('is caught up with its last full batch, if nothing is left after it', async () => {
    const dataset = await datasetOf(events(20))
    const subscription = open(BATCHES, { id: dataset, from: 'BEGINNING', maxEvents: 10 })
    expect((await subscription.take(2)).map(place)).toEqual([
      { at: 10, caughtUp: false, behind: 10 },
      { at: 20, caughtUp: true, behind: 0 },
    ])
  })

  test('says that it is caught up if there are no events', async () => {
    const subscription = open(BATCHES, { id: await datasetOf(events(3)) })
    const batch = await subscription.next()
    expect(seqs(batch)).toEqual([])
    expect(place(batch)).toEqual({ at: 3, caughtUp: true, behind: 0 })
  })

  test('has a cursor past the events that its filter leaves out', async () => {
    const dataset = await datasetOf(events(2), events(50, 'ETL_FAILED'))
    const types = ['FILE_UPLOADED']
    const batch = await open(BATCHES, { id: dataset, types, from: 'BEGINNING' }).next()
    expect(seqs(batch)).toEqual([1, 2])
    expect(place(batch)).toEqual({ at: 52, caughtUp: true, behind: 0 })
    // Live, after a thousand of them.
    const live = open(BATCHES, { id: dataset, types, after: batch.cursor })
    await live.next()
    await recordWorkerEvents(server, dataset, events(1_000, 'ETL_FAILED'))
    expect(place(await live.next())).toEqual({ at: 1_052, caughtUp: true, behind: 0 })
  })

  test('resumes after the cursor of a batch', async () => {
    const dataset = await datasetOf(events(12))
    const first = await open(BATCHES, { id: dataset, from: 'BEGINNING', maxEvents: 5 }).next()
    const rest = await open(BATCHES, { id: dataset, after: first.cursor, tail: 1, from: 'BEGINNING' }).next()
    expect(seqs(rest)).toEqual(upTo(12, 6))
  })

  test('collects new events for as long as it may', async () => {
    const dataset = await datasetOf()
    const subscription = open(BATCHES, { id: dataset, maxEvents: 4, maxWaitMs: 10_000 })
    await subscription.next()
    for (let i = 0; i < 4; i++) await recordWorkerEvents(server, dataset, events(1))
    expect(seqs(await subscription.next())).toEqual([1, 2, 3, 4])
  })

  test('ends a batch at a mebi of payload', async () => {
    const dataset = await newDataset(server, organization)
    const large = { eventType: 'FILE_UPLOADED', eventDataText: JSON.stringify('x'.repeat(500_000)) }
    await recordWorkerEvents(server, dataset, [large, large, large, large, large])
    const batches = await open(BATCHES, { id: dataset, from: 'BEGINNING' }).take(3)
    expect(batches.map(seqs)).toEqual([[1, 2], [3, 4], [5]])
  })

  test('splits a batch whose result would be too large', async () => {
    const dataset = await newDataset(server, organization)
    const large = { eventType: 'FILE_UPLOADED', eventDataText: JSON.stringify('x'.repeat(100_000)) }
    await recordWorkerEvents(server, dataset, Array(10).fill(large))
    const fields = Array.from({ length: 9 }, (_, i) => `a${i}: eventDataText`).join(' ')
    const query = BATCHES.replace('eventType', fields)
    const batches = await open(query, { id: dataset, from: 'BEGINNING', maxEvents: 10 }).take(2)
    expect(batches.map(seqs)).toEqual([upTo(5), upTo(10, 6)])
    expect(batches.map(place)).toEqual([
      { at: 5, caughtUp: false, behind: 5 },
      { at: 10, caughtUp: true, behind: 0 },
    ])
  })

  test('begins with the newest events that match', async () => {
    const mixed = upTo(40).map((i) => ({ eventType: i % 4 === 0 ? 'CHUNKS_UPLOADED' : 'FILE_UPLOADED' }))
    const dataset = await datasetOf(mixed)
    const begin = async (start: object) => seqs(await open(BATCHES, { id: dataset, ...start }).next())
    expect(await begin({ tail: 3 })).toEqual([38, 39, 40])
    expect(await begin({ tail: 100 })).toEqual(upTo(40))
    expect(await begin({ tail: 0, from: 'BEGINNING' })).toEqual([])
    expect(await begin({ tail: 3, types: ['CHUNKS_UPLOADED'] })).toEqual([32, 36, 40])
    expect(await begin({ tail: 4, types: ['CHUNKS_UPLOADED', 'FILE_UPLOADED'] })).toEqual([37, 38, 39, 40])
    expect(await begin({ tail: 4, types: ['CHUNKS_UPLOADED', 'ETL_FAILED'] })).toEqual([28, 32, 36, 40])
    expect(await begin({ tail: 50, types: ['CHUNKS_UPLOADED'] })).toHaveLength(10)
    expect(await begin({ tail: 3, types: ['ETL_FAILED'] })).toEqual([])
  })

  test('completes with its report', async () => {
    const report = await newReport(server, organization)
    const progress = { progress: { variant: 'GENERATE_BLOCK', message: 'Block' } }
    await recordReportEvents(server, report, [progress, progress])
    const subscription = open(REPORT_BATCHES, { id: report })
    expect(place(await subscription.next())).toEqual({ at: 2, caughtUp: true, behind: 0 })
    await recordReportEvents(server, report, [progress, { state: { message: 'Done', state: 'COMPLETED' } }])
    const rest = (await subscription.rest()) as unknown as Batch[]
    expect(rest.flatMap(seqs)).toEqual([3, 4])
    expect(rest.at(-1)?.caughtUp).toBe(true)
    const [tail, ...none] = (await open(REPORT_BATCHES, { id: report, tail: 1 }).rest()) as unknown as Batch[]
    expect(tail && seqs(tail)).toEqual([4])
    expect(none).toEqual([])
  })

  test('rejects sizes out of range', async () => {
    const dataset = await datasetOf()
    for (const wrong of [
      { maxEvents: 0 },
      { maxEvents: 1_001 },
      { maxWaitMs: -1 },
      { maxWaitMs: 10_001 },
      { tail: -1 },
      { tail: 1_001 },
    ]) {
      expect(await open(BATCHES, { id: dataset, ...wrong }).failure()).toBe('BAD_USER_INPUT')
    }
  })
})

test('A batch over server-sent events has its cursor as id, from which Last-Event-ID resumes', async () => {
  const dataset = await datasetOf(events(2), events(3, 'ETL_FAILED'))
  const variables = { id: dataset, types: ['FILE_UPLOADED'], from: 'BEGINNING' }
  const subscription = overSse(server.url, key, BATCHES, variables)
  onTestFinished(() => subscription.end())
  const [batch] = (await subscription.take(1)) as unknown as Batch[]
  expect(subscription.ids).toEqual([batch?.cursor])
  await recordWorkerEvents(server, dataset, events(1))
  const resumed = overSse(server.url, key, BATCHES, variables, { 'last-event-id': String(batch?.cursor) })
  onTestFinished(() => resumed.end())
  expect(((await resumed.take(1)) as unknown as Batch[]).map(seqs)).toEqual([[6]])
})
