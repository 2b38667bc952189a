import { randomUUID } from 'node:crypto'
import { fc } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type documentedType, storedType } from '../../src/log/worker-event-type.ts'
import { runSql } from '../support/database.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

// The routes splice stored payloads into their responses. They must be what serializing the decoded events would give.

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const PAGE = `query ($id: UUID!) {
  workerEventPage(datasetId: $id, pageSize: 10000) {
    events { id createdAt datasetId organizationId eventType eventDataText } eventTypes pageCount
  }
}`

const LIST = `query ($id: UUID!) {
  reportEvents(reportId: $id, first: 1000) { nodes { ... on ReportEventItem { id reportId timestamp eventData } } }
}`

// biome-ignore lint/suspicious/noExplicitAny: the members that the queries select
type Data = any

const stored = (name: string) => storedType(name.toLowerCase() as NonNullable<ReturnType<typeof documentedType>>)

async function expectedPage(id: string): Promise<string> {
  const { events, eventTypes, pageCount } = expectData(await server.graphql(PAGE, { id })).workerEventPage
  return JSON.stringify({
    events: events.map((event: Data) => ({
      id: event.id,
      created_at: event.createdAt.replace('T', ' ').replace('Z', ''),
      dataset_id: event.datasetId,
      organization_id: event.organizationId,
      event_type: stored(event.eventType),
      event_data: event.eventDataText,
    })),
    event_types: eventTypes.map(stored),
    page_count: pageCount,
  })
}

async function expectedList(id: string): Promise<string> {
  const { nodes } = expectData(await server.graphql(LIST, { id })).reportEvents
  const item = ({ id, reportId, timestamp, eventData }: Data) => ({
    id,
    report_id: reportId,
    event_type: eventData.type,
    event_data: eventData,
    timestamp,
  })
  return JSON.stringify(nodes.map(item))
}

async function pageText(id: string): Promise<string> {
  const headers = { authorization: server.rootKey, 'tr-dataset': id, 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/api/dataset/events`, {
    method: 'POST',
    headers,
    body: '{"page_size":10000}',
  })
  return response.text()
}

async function listText(id: string): Promise<string> {
  const headers = { authorization: `Bearer ${server.rootKey}` }
  return (await fetch(`${server.url}/api/v1/reports/${id}/events`, { headers })).text()
}

/** Without lone surrogates and NUL, which the database cannot store as text. */
const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed() && !value.includes('\u0000'))
/** JSON of numbers that JavaScript does not change. */
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.integer().map((value) => value / 1_000),
      text,
    ),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(text, tie('json'), { maxKeys: 4 }),
  ),
}))
/** JSON texts of any form: blanks, numbers and names are as they were written. */
const jsonText = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  json.map((value) => JSON.stringify(value, undefined, 2)),
  fc.constantFrom(' 1.0 ', '{"a":1,"a":2}', '1e400', '"\\u2028\\ud800"', '{"__proto__":1}', '-0', '"\u2028\u007f😀é"'),
)
const object = fc.dictionary(text, json, { maxKeys: 4 })
const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null })

const progress = fc.record(
  {
    groupId: nullable(fc.uuid()),
    variant: fc.constantFrom('LOAD_TEMPLATE', 'EDITING'),
    message: text,
    progress: nullable(fc.integer({ min: 0, max: 1_000 }).map((value) => value / 1_000)),
    status: fc.constantFrom('PENDING', 'COMPLETED'),
    extraDetail: nullable(object),
  },
  { requiredKeys: ['variant', 'message'] },
)
const state = fc.record({ message: text, state: fc.constantFrom('PENDING', 'GENERATING') })
const block = fc.record({ idx: fc.integer({ min: 0, max: 99 }), template: text })
const reportEvent = fc.oneof(
  progress.map((progress) => ({ progress })),
  state.map((state) => ({ state })),
  block.map((block) => ({ blockUpdate: { block } })),
)

test('A page is what serializing its events gives, for any payload', () =>
  fc.assert(
    fc.asyncProperty(fc.array(jsonText, { minLength: 1, maxLength: 100 }), async (texts) => {
      const id = await newDataset(server, organization)
      const events = texts.map((eventDataText) => ({ eventType: 'QDRANT_UPLOAD_FAILED', eventDataText }))
      await recordWorkerEvents(server, id, events)
      expect(await pageText(id)).toBe(await expectedPage(id))
    }),
    { numRuns: 10, endOnFailure: true },
  ))

test('A list is what serializing its events gives, for any event', () =>
  fc.assert(
    fc.asyncProperty(fc.array(reportEvent, { minLength: 1, maxLength: 100 }), async (events) => {
      const id = await newReport(server, organization)
      await recordReportEvents(server, id, events)
      expect(await listText(id)).toBe(await expectedList(id))
    }),
    { numRuns: 10, endOnFailure: true },
  ))

test.runIf(inject('mode') === 'postgres')('Data in another form than today is served in the usual one', async () => {
  const id = await newReport(server, organization)
  const odd = [
    '{"1":2,"group_id":null,"type":"progress","variant":"editing","msg":"a"}',
    '{"type":"progress","variant":"editing","msg":"b","group_id":null}',
    '{ "group_id": null, "type": "progress", "variant": "editing", "msg": "c" }',
    `{"group_id":"${randomUUID()}","type":"progress","msg":"d","__proto__":{"a":1}}`,
  ]
  await recordReportEvents(
    server,
    id,
    odd.map(() => ({ progress: { variant: 'EDITING', message: 'x' } })),
  )
  for (const [i, data] of odd.entries())
    await runSql(server.env, `UPDATE event SET data = '${data}' WHERE stream_id = '${id}' AND seq = ${i + 1}`)
  const found = await listText(id)
  expect(found).toBe(await expectedList(id))
  expect(JSON.parse(found).map(({ event_data }: Data) => event_data.msg)).toEqual(['a', 'b', 'c', 'd'])
})
