import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { buildSchema, type GraphQLField, type GraphQLObjectType, getNamedType, isLeafType } from 'graphql'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'

let server: TestServer
let dataset: string
let report: string

/** Characters of 1, 2, 3 and 4 bytes, two of them joined; escapes and the text of an escaped NUL. */
const MIXED = '"aé€😀👩‍🚀\\u0000\\"ｱ"'
const PAYLOADS = [MIXED, 'null', '{ "size": 12345678901234567890 }', '"€"', JSON.stringify('x€😀'.repeat(1_000)), '""']

test.beforeAll(async ({ server: shared }) => {
  server = shared
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
  await recordWorkerEvents(
    server,
    dataset,
    PAYLOADS.map((eventDataText) => ({ eventType: 'ETL_STARTED', eventDataText })),
  )
  await recordReportEvents(server, report, [
    { state: { state: 'PLANNING', message: 'Prêt 😀' } },
    { progress: { groupId: randomUUID(), variant: 'EDITING', message: '€'.repeat(2_000), extraDetail: { a: [1] } } },
    { blockUpdate: { block: { idx: 3, template: '# Titre', sources: [{ node: { text: 'é' }, score: 0.5 }] } } },
  ])
})

const SCHEMA = buildSchema(readFileSync('schema.graphql', 'utf8'))

function selected({ name, type }: GraphQLField<unknown, unknown>): string {
  return isLeafType(getNamedType(type)) ? name : `${name} { __typename }`
}

/** The longest part of a text that ends at a character and has at most so many bytes, found one character at a time. */
function cut(text: string, maxBytes: number): string {
  let part = ''
  for (const character of text) {
    if (Buffer.byteLength(part + character) > maxBytes) break
    part += character
  }
  return part
}

const workerEvents = async (fields: string) =>
  expectData(
    await server.graphql(`{ workerEvents(datasetId: "${dataset}", order: OLDEST_FIRST) { nodes { ${fields} } } }`),
  ).workerEvents.nodes

test('A preview has as many whole characters as fit, at every length, and a size counts bytes', async () => {
  const bytes = Buffer.byteLength(MIXED)
  const lengths = Array.from({ length: bytes + 2 }, (_, i) => i)
  const previews = lengths.map((length) => `p${length}: eventDataPreview(maxBytes: ${length})`)
  const [mixed] = await workerEvents(previews.slice(0, 25).join(' '))
  const [rest] = await workerEvents(previews.slice(25).join(' '))
  const all = { ...mixed, ...rest }
  expect(lengths.map((length) => all[`p${length}`])).toEqual(lengths.map((length) => cut(MIXED, length)))
  expect(await workerEvents('eventDataSize eventDataPreview')).toEqual(
    PAYLOADS.map((text) => ({ eventDataSize: Buffer.byteLength(text), eventDataPreview: cut(text, 1_024) })),
  )
})

test('A page gives the same previews, whatever else it selects, and however it selects them', async () => {
  const short = PAYLOADS.map((text) => cut(text, 7))
  const preview = 'p: eventDataPreview(maxBytes: 7)'
  expect((await workerEvents(`${preview} eventDataText`)).map(({ p }: { p: string }) => p)).toEqual(short)
  expect(await workerEvents(`${preview} eventDataText`)).toMatchObject(
    PAYLOADS.map((eventDataText) => ({ eventDataText })),
  )
  const query = `query ($id: UUID!, $bytes: Int, $whole: Boolean!) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST) { edges { node { ...Fields } } nodes { seq } }
    workerEventPage(datasetId: $id) { events { ...Fields ... { eventDataText @skip(if: true) } } }
  }
  fragment Fields on WorkerEvent { p: eventDataPreview(maxBytes: $bytes) ... @include(if: $whole) { eventDataText } }`
  for (const whole of [true, false]) {
    const data = expectData(await server.graphql(query, { id: dataset, bytes: 7, whole }))
    const expected = PAYLOADS.map((text) => ({ p: cut(text, 7), ...(whole && { eventDataText: text }) }))
    expect(data.workerEvents.edges).toEqual(expected.map((node) => ({ node })))
    expect(data.workerEventPage.events.toReversed()).toEqual(expected)
  }
  // An argument that is null has its default.
  const { workerEventPage } = expectData(await server.graphql(query, { id: dataset, bytes: null, whole: false }))
  expect(workerEventPage.events[1].p).toBe(cut(PAYLOADS[4] as string, 1_024))
})

test('Sizes and previews of report events are those of the JSON that is stored', async () => {
  const query = `query ($id: UUID!) {
    reportEvents(reportId: $id) { nodes { __typename ... on ReportEventItem {
      seq eventDataSize eventDataPreview(maxBytes: 1048576) eventData
    } } }
    short: reportEvents(reportId: $id) { nodes { ... on ReportEventItem { eventDataSize eventDataPreview(maxBytes: 60) }
      ... on ProgressEvent { nodeId } ... on StateEvent { __typename } ... on BlockUpdateEvent { timestamp } } }
    report(id: $id) { snapshot {
      state { node { eventDataPreview(maxBytes: 60) } }
      operations { node { eventDataSize } }
      blocks { node { eventDataSize block { idx } } }
    } }
  }`
  const { reportEvents, short, report: found } = expectData(await server.graphql(query, { id: report }))
  expect(reportEvents.nodes.map(({ __typename }: { __typename: string }) => __typename)).toEqual([
    'StateEvent',
    'ProgressEvent',
    'BlockUpdateEvent',
  ])
  for (const [index, node] of reportEvents.nodes.entries()) {
    const { timestamp: _timestamp, id: _id, ...stored } = node.eventData
    expect(JSON.parse(node.eventDataPreview)).toEqual(stored)
    expect(node.eventDataSize).toBe(Buffer.byteLength(node.eventDataPreview))
    expect(short.nodes[index]).toMatchObject({
      eventDataSize: node.eventDataSize,
      eventDataPreview: cut(node.eventDataPreview, 60),
    })
  }
  const [state, progress, block] = reportEvents.nodes
  expect(found.snapshot).toEqual({
    state: { node: { eventDataPreview: cut(state.eventDataPreview, 60) } },
    operations: [{ node: { eventDataSize: progress.eventDataSize } }],
    blocks: [{ node: { eventDataSize: block.eventDataSize, block: { idx: 3 } } }],
  })
})

test('Each field of an event is the same when it is selected alone, and when all are', async () => {
  for (const name of ['WorkerEvent', 'ProgressEvent', 'BlockUpdateEvent', 'StateEvent']) {
    const selections = Object.values((SCHEMA.getType(name) as GraphQLObjectType).getFields()).map(selected)
    const page =
      name === 'WorkerEvent' ? `workerEvents(datasetId: "${dataset}")` : `reportEvents(reportId: "${report}")`
    const read = async (selection: string) => {
      const query = `{ page: ${page} { nodes { ... on ${name} { is: __typename ${selection} } } } }`
      return expectData(await server.graphql(query)).page.nodes.filter(({ is }: { is?: string }) => is)
    }
    const all = await read(selections.join(' '))
    expect(all.length).toBeGreaterThan(0)
    for (const selection of selections) expect(all).toMatchObject(await read(selection))
  }
})

test('Live and redacted events have sizes and previews', async () => {
  const own = await newDataset(server, await newOrganization(server))
  const FIELDS = 'seq eventDataSize eventDataPreview(maxBytes: 4)'
  const live = `subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { node { ${FIELDS} } } }`
  const events = overWebSocket(server.url, server.rootKey, live, { id: own })
  const [recorded] = await recordWorkerEvents(server, own, [{ eventType: 'ETL_FAILED', eventData: '€€' }])
  expect(await events.take(1)).toEqual([{ node: { seq: 1, eventDataSize: 8, eventDataPreview: '"€' } }])
  await events.end()
  const redact = `mutation ($id: UUID!, $event: UUID!) { redactWorkerEvent(datasetId: $id, id: $event) { ${FIELDS} } }`
  expect(expectData(await server.graphql(redact, { id: own, event: recorded?.id })).redactWorkerEvent).toEqual({
    seq: 1,
    eventDataSize: 4,
    eventDataPreview: 'null',
  })
})

test.each([-1, 1_048_577])('A preview of %i bytes is rejected, before anything is read', async (bytes) => {
  const fields = `... on ReportEventItem { eventDataPreview(maxBytes: ${bytes}) }`
  const workerFields = `eventDataPreview(maxBytes: ${bytes})`
  const queries = [
    `{ workerEvents(datasetId: "${dataset}") { nodes { ${workerFields} } } }`,
    `{ workerEventPage(datasetId: "${dataset}") { events { ${workerFields} } } }`,
    `{ reportEvents(reportId: "${report}") { edges { node { ${fields} } } } }`,
  ]
  for (const query of queries) {
    const { data, errors } = await server.graphql(query)
    expect(data).toBeNull()
    expect(errors).toHaveLength(1)
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  }
  for (const live of [
    `subscription { workerEvents(datasetId: "${dataset}") { node { ${workerFields} } } }`,
    `subscription { reportEvents(reportId: "${report}") { node { ${fields} } } }`,
    `subscription { reportEventBatches(reportId: "${report}") { edges { node { ${fields} } } } }`,
    `subscription { reportSnapshots(reportId: "${report}") { state { node { ${workerFields} } } } }`,
  ]) {
    const events = overWebSocket(server.url, server.rootKey, live, {})
    expect(await events.failure()).toBe('BAD_USER_INPUT')
    await events.end()
  }
})
