import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect } from 'vitest'
import { WORKER_EVENT_TYPES } from '../../src/log/worker-event-type.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
let organization: string
let dataset: string
let key: string
/** Another organization's. */
let foreignKey: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
  dataset = await newDataset(server, organization, { trackingId: 'tracked' })
  key = await newKey(server, organization)
  foreignKey = await newKey(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, [
    { eventType: 'FILE_UPLOADED', eventData: { n: 1 } },
    { eventType: 'CHUNKS_UPLOADED', eventData: { n: 2 } },
    { eventType: 'FILE_UPLOADED', eventData: { n: 3 } },
    { eventType: 'CRAWL_STARTED', eventData: { n: 4 } },
    { eventType: 'FILE_UPLOADED', eventData: { n: 5 } },
  ])
})

interface Reply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the assertions check the response
  body: any
}

async function call(
  body: string | Uint8Array<ArrayBuffer> | object = {},
  headers: object = {},
  path = '/api/dataset/events',
): Promise<Reply> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: key, 'tr-dataset': dataset, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text && JSON.parse(text) }
}

/** A raw request, without default headers. */
async function raw(method: string, path: string, headers: object, body = ''): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(server.url, { method, path, headers: { ...headers } }, async (response) => {
      const received = await text(response)
      const pairs = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as [string, string])
      resolve({
        status: response.statusCode ?? 0,
        headers: new Headers(pairs),
        text: received,
        body: received && JSON.parse(received),
      })
    })
    sent.on('error', reject).end(body)
  })
}

/** The payloads of the events, which contain their recording order. */
function numbers({ body }: Reply): number[] {
  return body.events.map((event: { event_data: string }) => JSON.parse(event.event_data).n)
}

function expectError(reply: Reply, status: number, message: string) {
  expect({ status: reply.status, text: reply.text }).toEqual({ status, text: JSON.stringify({ message }) })
  expect(reply.headers.get('content-type')).toBe('application/json')
}

describe('The response', () => {
  test('has the documented members in the order of Trieve, as compact JSON', async () => {
    const id = randomUUID()
    const own = await newDataset(server, organization)
    await recordWorkerEvents(server, own, [
      { id, eventType: 'CHUNKS_UPLOADED', eventDataText: '{"b": 1,  "a":"\\u00e9"}' },
    ])
    const reply = await call({}, { 'tr-dataset': own })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toBe('application/json')
    expect(reply.text).toBe(
      `{"events":[{"id":"${id}","created_at":"${reply.body.events[0].created_at}","dataset_id":"${own}",` +
        `"organization_id":"${organization}","event_type":"chunks_uploaded",` +
        `"event_data":"{\\"b\\": 1,  \\"a\\":\\"\\\\u00e9\\"}"}],` +
        `"event_types":["chunks_uploaded"],"page_count":1}`,
    )
    expect(reply.body.events[0].created_at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/)
    expect(Math.abs(Date.parse(`${reply.body.events[0].created_at}Z`) - Date.now())).toBeLessThan(600_000)
  })

  test('contains event_data byte for byte, for any JSON', async () => {
    const own = await newDataset(server, organization)
    const texts = [
      'null',
      ' 1.0 ',
      '{"a":1,"a":2}',
      '9223372036854775807123',
      '"\\u0000\\ud800"',
      '"\u2028\u007f😀é"',
      '[1e400]',
    ]
    await recordWorkerEvents(
      server,
      own,
      texts.map((eventDataText) => ({ eventType: 'ETL_STARTED', eventDataText })),
    )
    const { body } = await call({}, { 'tr-dataset': own })
    expect(body.events.map((event: { event_data: string }) => event.event_data)).toEqual(texts.toReversed())
  })

  test('contains null for an event without data', async () => {
    const own = await newDataset(server, organization)
    await recordWorkerEvents(server, own, [{ eventType: 'ETL_COMPLETED' }])
    expect((await call({}, { 'tr-dataset': own })).body.events[0].event_data).toBe('null')
  })

  test('is empty for an empty dataset', async () => {
    const own = await newDataset(server, organization)
    expect((await call({}, { 'tr-dataset': own })).text).toBe('{"events":[],"event_types":[],"page_count":0}')
  })

  test('names the requested API version', async () => {
    const versions = ['1.0', 'V1', 'v1', '2.0', 'V2', 'v2', 'nonsense', undefined]
    const replies = await Promise.all(versions.map((version) => call({}, version ? { 'x-api-version': version } : {})))
    expect(replies.map(({ headers }) => headers.get('x-api-version'))).toEqual([
      ...Array(3).fill('1.0'),
      ...Array(5).fill('2.0'),
    ])
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
  })
})

describe('Pages and filters', () => {
  test('are page 1 of 10 events, newest first, by default', async () => {
    const own = await newDataset(server, organization)
    await recordWorkerEvents(
      server,
      own,
      Array.from({ length: 12 }, (_, n) => ({ eventType: 'FILE_UPLOADED', eventData: { n } })),
    )
    for (const body of [
      {},
      { page: null, page_size: null, event_types: null },
      { page: 1, page_size: 10, event_types: [] },
    ]) {
      const reply = await call(body, { 'tr-dataset': own })
      expect(numbers(reply)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
      expect(reply.body.page_count).toBe(2)
    }
    expect(numbers(await call({ page: 2 }, { 'tr-dataset': own }))).toEqual([1, 0])
  })

  test('are counted after filtering, and list all types in byte order', async () => {
    const reply = await call({ page: 2, page_size: 2, event_types: ['file_uploaded', 'file_uploaded', 'etl_failed'] })
    expect(numbers(reply)).toEqual([1])
    expect(reply.body).toMatchObject({
      event_types: ['chunks_uploaded', 'crawl_started', 'file_uploaded'],
      page_count: 2,
    })
  })

  test('ignore unknown members, such as `type` in the example of Trieve', async () => {
    const reply = await call('{"type":["chunk_action_failed"],"__proto__":{"page":9},"x":[[{}]]}')
    expect(numbers(reply)).toEqual([5, 4, 3, 2, 1])
  })

  test('accept any number that JSON.parse reads as an integer', async () => {
    expect(numbers(await call('{"page":1.0,"page_size":2e0}'))).toEqual([5, 4])
  })

  test('are empty past the end, with the same counts', async () => {
    for (const page of [4, 2_147_483_647, 2_147_483_648, 2 ** 53, 9e17]) {
      const { status, body } = await call({ page, page_size: 2 })
      expect({ status, ...body }).toEqual({
        status: 200,
        events: [],
        event_types: ['chunks_uploaded', 'crawl_started', 'file_uploaded'],
        page_count: 3,
      })
    }
  })

  test('of size 0 are empty, and their count is the largest 32-bit integer unless nothing matches', async () => {
    expect((await call({ page_size: 0 })).body).toMatchObject({ events: [], page_count: 2_147_483_647 })
    expect((await call({ page: 7, page_size: 0 })).body).toMatchObject({ events: [], page_count: 2_147_483_647 })
    expect((await call({ page_size: 0, event_types: ['etl_failed'] })).body).toMatchObject({
      events: [],
      page_count: 0,
    })
  })

  test('contain up to 10,000 events', async () => {
    expect((await call({ page_size: 10_000 })).body.events).toHaveLength(5)
    expectError(await call({ page_size: 10_001 }), 400, 'BadRequest: page_size must be at most 10000')
  })

  test.each([
    { page: 0 },
    { page: -1 },
    { page_size: -1 },
    { page: -1, page_size: 0 },
    { page: 2 ** 62, page_size: 3 },
    { page: 2 ** 60 },
    { page: 10_000_000_000_000, page_size: 1_000_000 },
  ])('that are out of range are rejected: %j', async (body) => {
    expectError(await call(body), 400, 'BadRequest: Failed to get all events and counts')
  })

  test('return every event of a long history once', async () => {
    const own = await newDataset(server, organization)
    await recordWorkerEvents(
      server,
      own,
      Array.from({ length: 1_000 }, (_, n) => ({ eventType: n % 3 ? 'ETL_FAILED' : 'ETL_STARTED', eventData: { n } })),
    )
    const pages = await Promise.all([1, 2, 3].map((page) => call({ page, page_size: 400 }, { 'tr-dataset': own })))
    expect(pages.flatMap(numbers)).toEqual(Array.from({ length: 1_000 }, (_, n) => 999 - n))
    const all = await call({ page_size: 10_000, event_types: ['etl_started'] }, { 'tr-dataset': own })
    expect(numbers(all)).toHaveLength(334)
    expect(all.body.page_count).toBe(1)
  })
})

describe('Types', () => {
  test('are the documented ones, all of them in an unfiltered response', async () => {
    const own = await newDataset(server, organization)
    const names = Object.keys(WORKER_EVENT_TYPES)
    await recordWorkerEvents(
      server,
      own,
      names.map((name) => ({ eventType: name.toUpperCase() })),
    )
    const { body } = await call({ page_size: 100 }, { 'tr-dataset': own })
    const stored = names.map((name) => (name === 'qdrant_upload_failed' ? 'qdrant_index_failed' : name))
    expect(body.events.map((event: { event_type: string }) => event.event_type)).toEqual(stored.toReversed())
    expect(body.event_types).toEqual(stored.toSorted())
    for (const [index, name] of names.entries()) {
      const { events, page_count } = (await call({ event_types: [name] }, { 'tr-dataset': own })).body
      expect({ types: events.map((event: { event_type: string }) => event.event_type), page_count }).toEqual({
        types: [stored[index]],
        page_count: 1,
      })
    }
  })

  test('that are only served cannot be requested', async () => {
    const { status, body } = await call({ event_types: ['qdrant_index_failed'] })
    expect(status).toBe(400)
    expect(body.message).toContain('*Type* : Data error in JSON')
  })
})

describe('Keys', () => {
  const UNAUTHORIZED = [401, 'Unauthorized'] as const

  test('are accepted bare or with Bearer, in Authorization or in x-api-key', async () => {
    for (const headers of [
      { authorization: key },
      { authorization: `Bearer ${key}` },
      { 'x-api-key': key },
      { 'x-api-key': `Bearer ${key}` },
    ]) {
      const reply = await raw('POST', '/api/dataset/events', { ...headers, 'tr-dataset': dataset }, '{}')
      expect({ headers, status: reply.status }).toEqual({ headers, status: 200 })
    }
  })

  test.each(['READ', 'WRITE', 'ADMIN'])('of role %s can read', async (role) => {
    expect((await call({}, { authorization: await newKey(server, organization, role) })).status).toBe(200)
  })

  test('of root can read', async () => {
    expect((await call({}, { authorization: server.rootKey })).status).toBe(200)
  })

  test('are rejected with another spelling of Bearer', async () => {
    for (const authorization of [`bearer ${key}`, `BEARER ${key}`, `ApiKey ${key}`, `Bearer  ${key}`]) {
      expectError(await call({}, { authorization }), ...UNAUTHORIZED)
    }
  })

  test('in x-api-key do not replace an invalid or empty Authorization', async () => {
    for (const authorization of ['wrong', ''])
      expectError(await call({}, { authorization, 'x-api-key': key }), ...UNAUTHORIZED)
  })

  test('in x-api-key are used when Authorization is not visible ASCII', async () => {
    expect((await call({}, { authorization: 'sch\u00fcssel', 'x-api-key': key })).status).toBe(200)
  })

  test('that are missing, empty, unknown or expired are rejected', async () => {
    const expired = await newKey(server, organization, 'READ', { expiresAt: new Date(Date.now() + 300).toISOString() })
    for (const authorization of ['', 'Bearer', 'Bearer ', 'unknown'])
      expectError(await call({}, { authorization }), ...UNAUTHORIZED)
    expectError(await raw('POST', '/api/dataset/events', { 'tr-dataset': dataset }, '{}'), ...UNAUTHORIZED)
    await expect.poll(async () => (await call({}, { authorization: expired })).status).toBe(401)
  })

  test('of another organization, or restricted to other datasets, are rejected', async () => {
    const narrowed = await newKey(server, organization, 'READ', {
      datasetIds: [await newDataset(server, organization)],
    })
    for (const authorization of [foreignKey, narrowed]) {
      const reply = await call('not json', { authorization })
      expectError(reply, ...UNAUTHORIZED)
      expect(reply.headers.has('x-api-version')).toBe(false)
    }
  })

  test('restricted to this dataset can read it', async () => {
    expect(
      (await call({}, { authorization: await newKey(server, organization, 'READ', { datasetIds: [dataset] }) })).status,
    ).toBe(200)
  })
})

describe('The dataset', () => {
  const forms = (id: string) => [
    id,
    id.toUpperCase(),
    id.replaceAll('-', ''),
    `{${id}}`,
    `urn:uuid:${id}`,
    `urn:uuid:${id.toUpperCase()}`,
  ]

  test('is found by its id in every form of a UUID', async () => {
    for (const form of forms(dataset)) {
      const reply = await call({ page_size: 1 }, { 'tr-dataset': form })
      expect({ form, id: reply.body.events?.[0]?.dataset_id }).toEqual({ form, id: dataset })
    }
  })

  test('is found by its tracking id and its organization, in every form', async () => {
    for (const form of forms(organization)) {
      expect((await call({}, { 'tr-dataset': 'tracked', 'tr-organization': form })).status).toBe(200)
      expect((await call({}, { 'tr-dataset': 'tracked', 'x-organization': form })).status).toBe(200)
    }
  })

  test('is read from x-dataset only without a readable TR-Dataset', async () => {
    const by = (headers: object) => raw('POST', '/api/dataset/events', { authorization: key, ...headers }, '{}')
    expect((await by({ 'x-dataset': dataset })).status).toBe(200)
    expect((await by({ 'x-dataset': dataset, 'TR-Dataset': 'd\u00e4ta' })).status).toBe(200)
    expectError(
      await by({ 'x-dataset': dataset, 'TR-Dataset': randomUUID() }),
      404,
      'Not Found: Could not find dataset',
    )
  })

  test('with a tracking id uses TR-Organization before x-organization; with an id, neither', async () => {
    const tracked = { 'tr-dataset': 'tracked' }
    expect((await call({}, { ...tracked, 'tr-organization': organization, 'x-organization': 'garbage' })).status).toBe(
      200,
    )
    expectError(
      await call({}, { ...tracked, 'tr-organization': 'garbage', 'x-organization': organization }),
      400,
      'Could not convert Organization to UUID',
    )
    expect((await call({}, { 'tr-organization': 'garbage' })).status).toBe(200)
    expect((await call({}, { 'tr-organization': randomUUID() })).status).toBe(200)
  })

  test.each([
    'tracked',
    '',
    ' ',
    'not-a-uuid',
    `{${randomUUID().replaceAll('-', '')}}`,
    `URN:UUID:${randomUUID()}`,
    `${randomUUID()}0`,
  ])('with the tracking id %j requires its organization, for any key', async (name) => {
    for (const authorization of [key, 'wrong']) {
      const reply = await call('not json', { 'tr-dataset': name, authorization })
      expectError(reply, 400, 'Using Dataset Tracking IDs requires providing the TR-Organization header')
      expect(reply.headers.has('x-api-version')).toBe(false)
    }
  })

  test('that does not exist is 404 for every caller, before anything else is checked', async () => {
    for (const authorization of [key, foreignKey, 'wrong', server.rootKey]) {
      for (const headers of [
        { 'tr-dataset': randomUUID() },
        { 'tr-dataset': 'untracked', 'tr-organization': organization },
        { 'tr-dataset': 'tracked', 'tr-organization': randomUUID() },
      ]) {
        expectError(await call('not json', { authorization, ...headers }), 404, 'Not Found: Could not find dataset')
      }
    }
  })

  test('that exists is 401 without a key, before the body is read', async () => {
    for (const headers of [{ 'tr-dataset': dataset }, { 'tr-dataset': 'tracked', 'tr-organization': organization }]) {
      const reply = await call('not json', {
        authorization: 'wrong',
        'x-api-version': 'V1',
        'content-type': 'text/plain',
        ...headers,
      })
      expectError(reply, 401, 'Unauthorized')
      expect(reply.headers.get('x-api-version')).toBe('1.0')
    }
  })
})

describe('Without a dataset header', () => {
  const by = (headers: object) => raw('POST', '/api/dataset/events', headers, 'not json')

  test('a valid key gets that error, with any body', async () => {
    for (const authorization of [key, server.rootKey]) {
      expectError(await by({ authorization }), 400, 'Could not get dataset from request')
      expectError(
        await by({ authorization, 'tr-organization': organization }),
        400,
        'Could not get dataset from request',
      )
    }
    const narrowed = await newKey(server, organization, 'READ', { datasetIds: [dataset] })
    expectError(
      await by({ authorization: narrowed, 'x-organization': organization }),
      400,
      'Could not get dataset from request',
    )
  })

  test('the organization is checked first', async () => {
    for (const authorization of [key, 'wrong']) {
      expectError(
        await by({ authorization, 'tr-organization': 'garbage' }),
        400,
        'Could not convert Organization to UUID',
      )
      expectError(
        await by({ authorization, 'tr-organization': randomUUID() }),
        404,
        'Not Found: Organization not found',
      )
    }
  })

  test('no key, and a key of another organization, is rejected', async () => {
    expectError(await by({}), 401, 'Unauthorized')
    expectError(await by({ authorization: 'wrong' }), 401, 'Unauthorized')
    expectError(await by({ authorization: 'wrong', 'tr-organization': organization }), 401, 'Unauthorized')
    expectError(await by({ authorization: foreignKey, 'tr-organization': organization }), 401, 'Unauthorized')
  })
})

describe('The body', () => {
  const EOF = 'Ensure that the JSON payload is complete and not truncated.'
  const SYNTAX = 'Fix syntax errors in the JSON payload to adhere to JSON formatting rules.'
  const DATA = 'Ensure that the data in the JSON payload is valid and consistent with the expected schema.'

  async function expectBodyError(body: string | Uint8Array<ArrayBuffer>, type: string, advice: string) {
    const reply = await call(body)
    expect({ status: reply.status, keys: Object.keys(reply.body) }).toEqual({ status: 400, keys: ['message'] })
    expect(reply.body.message).toMatch(
      /^Json Deserialization Error: \*Type\* : [^|]+ \| \*Message\* : Json deserialize error: .+ \| .+$/s,
    )
    expect(reply.body.message).toContain(`: *Type* : ${type} | `)
    expect(reply.body.message.endsWith(` | ${advice}`)).toBe(true)
    expect(reply.headers.get('x-api-version')).toBe('2.0')
  }

  test('that is empty gets the exact message of Trieve', async () => {
    const message = (column: number) =>
      `Json Deserialization Error: *Type* : Unexpected end of JSON input | *Message* : Json deserialize error: EOF ` +
      `while parsing a value at line 1 column ${column} | ${EOF}`
    expectError(await call(''), 400, message(0))
    expectError(await call('   '), 400, message(3))
    expectError(
      await raw('POST', '/api/dataset/events', { authorization: key, 'tr-dataset': dataset }),
      400,
      message(0),
    )
  })

  test.each([
    '\n\t ',
    '{',
    '{"page":1',
    '{"page"',
    '{"page":',
    '{"event_types":["file_uploaded"',
    '{"event_types":["file_',
    '"\\u00',
    '{"page":-',
    'tru',
    '[1,',
  ])('that is truncated is an unexpected end: %j', (body) => expectBodyError(body, 'Unexpected end of JSON input', EOF))

  test.each([
    '{"page":1,}',
    '{page:1}',
    "{'page':1}",
    'not json',
    '{} x',
    '{"page":01}',
    '{"page":+1}',
    '{"page":NaN}',
    '\ufeff{}',
    '{"page":"\u0000"}',
    '{"\\x":1}',
  ])('that is not JSON is a syntax error: %j', (body) => expectBodyError(body, 'Syntax error in JSON', SYNTAX))

  test('that is not UTF-8 is a syntax error', () =>
    expectBodyError(Buffer.from('7b22ff223a317d', 'hex'), 'Syntax error in JSON', SYNTAX))

  test.each([
    '{"event_types":[1]}',
    '{"event_types":[null]}',
    '{"event_types":["file_uploaded",true]}',
    '{"event_types":[["file_uploaded"]]}',
  ])('with anything but a name as event type is a syntax error, as in Trieve: %s', (body) =>
    expectBodyError(body, 'Syntax error in JSON', SYNTAX),
  )

  test.each([
    'null',
    '"x"',
    '5',
    'true',
    '[]',
    '[1,10,[]]',
    '{"page":1.5}',
    '{"page":"1"}',
    '{"page":true}',
    '{"page":[]}',
    '{"page":{}}',
    '{"page_size":"10"}',
    '{"page":9223372036854775808}',
    '{"page":-9223372036854775809000}',
    '{"page_size":99999999999999999999}',
    '{"page":1e400}',
    '{"page":-1e400}',
    '{"event_types":"file_uploaded"}',
    '{"event_types":{}}',
    '{"event_types":["nope"]}',
    '{"event_types":["FILE_UPLOADED"]}',
    '{"event_types":["file_uploaded\\u0000"]}',
    '{"event_types":["\\ud800"]}',
    '{"event_types":[{"file_uploaded":null}]}',
  ])('of the wrong shape is a data error: %s', (body) => expectBodyError(body, 'Data error in JSON', DATA))

  test('with a wrong type is reported with its place and the expected type', async () => {
    const { message } = (await call({ event_types: ['etl_failed', 'nope'] })).body
    expect(message).toMatch(
      /expected one of "file_uploaded"\|"file_upload_failed"\|.*"etl_failed" for event_types\.1 \|/,
    )
    expect((await call({ page: 1.5 })).body.message).toContain('expected a 64-bit integer for page')
  })

  test('of another content type is rejected', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'json',
      'application/jsonp',
      'text/json-seq',
      'garbage',
    ]) {
      const advice =
        'Ensure the content type request header of the HTTP request is set as `Content-Type: application/json`.'
      const message =
        'Json Deserialization Error: *Type* : Content type header error | ' +
        `*Message* : Content type error | ${advice}`
      expectError(await call({}, { 'content-type': type }), 400, message)
    }
  })

  test('is accepted with any JSON content type, and with none', async () => {
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'text/json',
      'application/vnd.api+json',
      'application/json;',
    ]) {
      expect({ type, status: (await call({}, { 'content-type': type })).status }).toEqual({ type, status: 200 })
    }
    expect((await raw('POST', '/api/dataset/events', { authorization: key, 'tr-dataset': dataset }, '{}')).status).toBe(
      200,
    )
  })

  test('can be compressed, and then have a megabyte, too', async () => {
    const filtered = '{"event_types":["crawl_started"]}'
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['GZIP', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
    ] as const) {
      const send = (text: string) => call(new Uint8Array(pack(text)), { 'content-encoding': encoding })
      expect(numbers(await send(filtered))).toEqual([4])
      expect((await send(`{}${' '.repeat(1_048_574)}`)).status).toBe(200)
      const tooLarge = await send(`{}${' '.repeat(1_048_575)}`)
      expect([tooLarge.status, tooLarge.body.message]).toEqual([400, expect.stringContaining('exceeded limit')])
    }
    for (const [encoding, detail] of [
      ['gzip', 'The payload is not valid gzip.'],
      ['zstd', 'The content-encoding zstd is not supported.'],
    ] as const)
      expectError(
        await call(filtered, { 'content-encoding': encoding }),
        400,
        `Json Deserialization Error: *Type* : Payload error | *Message* : ${detail} | ` +
          'Check that the JSON payload matches the expected structure.',
      )
  })

  test('can have a megabyte and no more', async () => {
    expect((await call(`{}${' '.repeat(1_048_574)}`)).status).toBe(200)
    const tooLarge = `{}${' '.repeat(1_048_575)}`
    const chunked = await raw(
      'POST',
      '/api/dataset/events',
      { authorization: key, 'tr-dataset': dataset, 'transfer-encoding': 'chunked' },
      tooLarge,
    )
    for (const { status, body } of [await call(tooLarge), chunked]) {
      expect(status).toBe(400)
      expect(body.message).toContain(
        '*Type* : Other JSON payload error | *Message* : JSON payload has exceeded limit (1048576 bytes). | Inspect',
      )
    }
  })

  test('can be nested to any depth', async () => {
    const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`
    expect((await call(`{"x":${deep}}`)).status).toBe(200)
    await expectBodyError(`{"page":${deep}}`, 'Data error in JSON', DATA)
  })
})

describe('The route', () => {
  test('is served at its old path, and with two leading slashes', async () => {
    const { text } = await call()
    for (const path of ['/api/events', '//api/dataset/events', '//api/events', '///api/events']) {
      expect((await call({}, {}, path)).text).toBe(text)
    }
  })

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('responds to %s with 405 and no body', async (method) => {
    for (const path of ['/api/dataset/events', '/api/events']) {
      const reply = await raw(method, path, { authorization: key, 'tr-dataset': dataset })
      expect({ status: reply.status, text: reply.text, allow: reply.headers.get('allow') }).toEqual({
        status: 405,
        text: '',
        allow: 'POST',
      })
    }
  })

  test('does not exist under another path', async () => {
    for (const path of ['/api/dataset', '/api/dataset/events/x', '/api', '/nowhere'])
      expectError(await call({}, {}, path), 404, 'Not Found')
  })

  test('allows any origin, with credentials', async () => {
    const preflight = await raw('OPTIONS', '/api/dataset/events', {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,tr-dataset,x-anything',
    })
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'authorization,tr-dataset,x-anything',
      'access-control-max-age': '3600',
      vary: expect.stringContaining('Origin'),
    })
    for (const { headers } of [
      await call({}, { origin: 'https://app.example' }),
      await call('', { origin: 'https://app.example' }),
    ]) {
      expect(headers.get('access-control-allow-origin')).toBe('https://app.example')
      expect(headers.get('access-control-allow-credentials')).toBe('true')
      expect(headers.get('vary')).toContain('Origin')
    }
  })
})
