import { readFileSync } from 'node:fs'
import { buildSchema, type GraphQLObjectType, type GraphQLUnionType, getNamedType, isObjectType } from 'graphql'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'
import { TRIEVE_PAYLOADS } from '../support/trieve-payloads.ts'

let server: TestServer

test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const SCHEMA = buildSchema(readFileSync('schema.graphql', 'utf8'))
const TYPES = (SCHEMA.getType('WorkerEventData') as GraphQLUnionType).getTypes()

function fieldsOf(type: GraphQLObjectType): string {
  const fields = Object.values(type.getFields()).map(({ name, type }) => {
    const named = getNamedType(type)
    return isObjectType(named) ? `${name} { ${fieldsOf(named)} }` : name
  })
  return fields.join(' ')
}

/** All fields of all types, without an alias: those of the same name can be selected together. */
const DATA = `data { __typename ${TYPES.map((type) => `... on ${type.name} { ${fieldsOf(type)} }`).join(' ')} }`

const newStream = async () => newDataset(server, await newOrganization(server))

async function read(dataset: string) {
  const query = `{ workerEvents(datasetId: "${dataset}", order: OLDEST_FIRST, first: 40) { nodes {
    eventDataText ${DATA} } } }`
  return expectData(await server.graphql(query)).workerEvents.nodes
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
}

/** The members of a payload under the names of a GraphQL type, null where there are none. */
function expected(type: GraphQLObjectType, payload: Record<string, unknown>): object {
  const given = new Map(Object.entries(payload).map(([name, value]) => [camelCase(name), value]))
  const fields = Object.values(type.getFields()).map((field) => {
    const named = getNamedType(field.type)
    const value = given.get(field.name) ?? null
    if (value !== null && isObjectType(named)) return [field.name, expected(named, value as Record<string, unknown>)]
    return [
      field.name,
      /^(CrawlInterval|ScrapeType)$/.test(named.name) ? ((value as string | null)?.toUpperCase() ?? null) : value,
    ]
  })
  return Object.fromEntries(fields)
}

test('Each documented type has its members, from payloads as Trieve writes them', async () => {
  const dataset = await newStream()
  const events = TRIEVE_PAYLOADS.map(([eventType, eventData]) => ({ eventType, eventData }))
  const query = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
    recordWorkerEvents(datasetId: $id, events: $events, strict: true) { results { outcome message } } }`
  const { results } = expectData(await server.graphql(query, { id: dataset, events })).recordWorkerEvents
  expect(results).toEqual(events.map(() => ({ outcome: 'RECORDED', message: null })))
  const typenames = TRIEVE_PAYLOADS.map(([type]) => `${camelCase(`_${type.toLowerCase()}`)}Data`)
  expect((await read(dataset)).map(({ data }: { data: object }) => data)).toEqual(
    TRIEVE_PAYLOADS.map(([, payload], index) => {
      const __typename = typenames[index]
      const type = SCHEMA.getType(__typename as string) as GraphQLObjectType
      return { __typename, ...(payload ? expected(type, payload as Record<string, unknown>) : { text: 'null' }) }
    }),
  )
  const all = TYPES.map(({ name }) => name).filter((name) => name !== 'UnknownWorkerEventData')
  expect([...new Set(typenames)].sort()).toEqual(all.toSorted())
  expect(all).toHaveLength(24)
})

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

const ID = '0A6F1F64-1111-4a4a-8b8b-00000000000c'

// The payload of an event of a type that has other members, or of none.
const STRANGE = [
  ['FILE_UPLOADED', '{"file_name":5}'],
  ['FILE_UPLOADED', '{}'],
  ['FILE_UPLOADED', '[{"file_name":"a"}]'],
  ['FILE_UPLOADED', '"file_name"'],
  ['FILE_UPLOADED', '{"__proto__":{"file_name":"a"}}'],
  ['FILE_UPLOADED', '{"file_name":"a","file_id":"not a UUID"}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids": [], "tokens_ingested": 18446744073709551615}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids":[],"tokens_ingested":9007199254740993}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids":[],"tokens_ingested":1e400}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids":[],"tokens_ingested":-1}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids":[],"tokens_ingested":1.5}'],
  ['CHUNKS_UPLOADED', '{"chunk_ids":[null]}'],
  ['CRAWL_STARTED', `{"scrape_id":"${ID}","crawl_options":{"limit":2147483648}}`],
  ['CRAWL_STARTED', `{"scrape_id":"${ID}","crawl_options":{"interval":"hourly"}}`],
  ['CRAWL_STARTED', `{"scrape_id":"${ID}","crawl_options":{"scrape_options":{}}}`],
  ['ETL_FAILED', deep(100)],
  ['ETL_COMPLETED', '"\\u0000"'],
  ['ETL_COMPLETED', 'false'],
] as const

test('A payload of another shape is unknown, byte for byte, and is read as any other', async () => {
  const dataset = await newStream()
  await recordWorkerEvents(
    server,
    dataset,
    STRANGE.map(([eventType, eventDataText]) => ({ eventType, eventDataText })),
  )
  expect(await read(dataset)).toEqual(
    STRANGE.map(([, text]) => ({ eventDataText: text, data: { __typename: 'UnknownWorkerEventData', text } })),
  )
})

test('Members that are not documented are allowed, and values that JSON can hold are kept', async () => {
  const dataset = await newStream()
  const texts = [
    `{"file_name":"\\u0000\\ud800","file_id":"${ID}","extra":${deep(99)},"size":18446744073709551615}`,
    '{"file_name":"first","file_name":"a","pages":1e3}',
  ]
  await recordWorkerEvents(
    server,
    dataset,
    texts.map((eventDataText) => ({ eventType: 'FILE_UPLOADED', eventDataText })),
  )
  const file = { __typename: 'FileUploadedData', groupId: null, pdf2mdOptions: null }
  expect(await read(dataset)).toEqual([
    { eventDataText: texts[0], data: { ...file, fileName: '\0\ud800', fileId: ID.toLowerCase(), pages: null } },
    { eventDataText: texts[1], data: { ...file, fileName: 'a', fileId: null, pages: 1_000 } },
  ])
})

test('An event without payload has no data, unless its type has no members, and a redacted one has none', async () => {
  const dataset = await newStream()
  const [, , last] = await recordWorkerEvents(server, dataset, [
    { eventType: 'CHUNKS_UPLOADED' },
    { eventType: 'ETL_COMPLETED', eventData: { further: 1 } },
    { eventType: 'ETL_COMPLETED' },
  ])
  const completed = (text: string) => ({ eventDataText: text, data: { __typename: 'EtlCompletedData', text } })
  const none = { eventDataText: 'null', data: null }
  expect(await read(dataset)).toEqual([none, completed('{"further":1}'), completed('null')])
  expectData(
    await server.graphql(`mutation { redactWorkerEvent(datasetId: "${dataset}", id: "${last?.id}") { ${DATA} } }`),
  )
  expect((await read(dataset))[2]).toEqual(none)
})

test('A strict call rejects each payload of another shape, and records the others', async () => {
  const dataset = await newStream()
  const query = `mutation ($id: UUID!, $events: [WorkerEventInput!]!, $strict: Boolean) {
    recordWorkerEvents(datasetId: $id, events: $events, strict: $strict) { results {
    id seq cursor outcome message } } }`
  const record = async (events: object[], strict: boolean | null = true) =>
    expectData(await server.graphql(query, { id: dataset, events, strict })).recordWorkerEvents.results
  const bad = { id: '00000000-0000-4000-8000-000000000001', eventType: 'FILE_UPLOADED', eventData: { file_name: 1 } }
  const good = { eventType: 'FILE_UPLOADED', eventData: { file_name: 'a' } }
  const results = await record([bad, good, { eventType: 'CHUNKS_UPLOADED' }, good])
  expect(results).toMatchObject([
    { id: bad.id, seq: 0, outcome: 'REJECTED', message: expect.stringMatching(/^events\[0\]\.eventData .*file_name/) },
    { seq: 1, outcome: 'RECORDED', message: null },
    { seq: 0, outcome: 'REJECTED', message: expect.stringContaining('chunk_ids') },
    { seq: 2, outcome: 'RECORDED', message: null },
  ])
  expect(await read(dataset)).toHaveLength(2)
  // From the cursor of a rejected event, no event is passed over.
  const live =
    'subscription ($id: UUID!, $after: String) { workerEvents(datasetId: $id, after: $after) { node { seq } } }'
  const events = overWebSocket(server.url, server.rootKey, live, { id: dataset, after: results[0].cursor })
  expect(await events.take(2)).toEqual([{ node: { seq: 1 } }, { node: { seq: 2 } }])
  await events.end()
  // Of a list, the first problem is named.
  const ids = { chunk_ids: [ID, ID, 'no id', null], tags: 1 }
  expect(await record([{ eventType: 'CHUNKS_UPLOADED', eventData: ids }])).toMatchObject([
    { message: 'events[0].eventData does not have the members of CHUNKS_UPLOADED: chunk_ids.2: must be a UUID.' },
  ])
  // All of them are bad, or strictness is not asked for.
  expect(await record([bad])).toMatchObject([{ outcome: 'REJECTED' }])
  expect(await record([bad], null)).toMatchObject([{ seq: 3, outcome: 'RECORDED', message: null }])
  expect(await record([bad], false)).toMatchObject([{ seq: 3, outcome: 'DUPLICATE', message: null }])
  const known = STRANGE.map(([eventType, eventDataText]) => ({ eventType, eventDataText }))
  expect((await record(known)).map(({ outcome }: { outcome: string }) => outcome)).toEqual(known.map(() => 'REJECTED'))
})
