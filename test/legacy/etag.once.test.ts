import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { copyOf, type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { samples } from '../support/metrics.ts'
import { keepInDataset } from '../support/retention.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

let env: DatabaseSettings
let server: TestServer
let organization: string

beforeAll(async () => {
  env = await freshDatabase()
  server = await startServer(env)
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

interface Reply {
  status: number
  etag: string | null
  headers: Headers
  text: string
}

interface Ask {
  body?: object | string
  search?: string
  tag?: string | null
  key?: string
  of?: TestServer
  headers?: Record<string, string>
}

async function replyTo(url: string, request: RequestInit): Promise<Reply> {
  const response = await fetch(url, request)
  const { status, headers } = response
  return { status, etag: headers.get('etag'), headers, text: await response.text() }
}

const conditional = (tag: string | null | undefined): Record<string, string> =>
  tag == null ? {} : { 'if-none-match': tag }

const routes = {
  trieve: (id: string, { body = {}, tag, key = server.rootKey, of = server, headers }: Ask = {}) =>
    replyTo(`${of.url}/api/dataset/events`, {
      method: 'POST',
      headers: {
        authorization: key,
        'tr-dataset': id,
        'content-type': 'application/json',
        ...conditional(tag),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  llamacloud: (id: string, { search = '', tag, key = server.rootKey, of = server, headers }: Ask = {}) =>
    replyTo(`${of.url}/api/v1/reports/${id}/events${search}`, {
      headers: { authorization: `Bearer ${key}`, ...conditional(tag), ...headers },
    }),
}

const record = {
  trieve: (id: string, count = 1, of = server) =>
    recordWorkerEvents(
      of,
      id,
      Array.from({ length: count }, (_, n) => ({ eventType: n % 2 ? 'ETL_FAILED' : 'ETL_STARTED', eventData: { n } })),
    ),
  llamacloud: (id: string, count = 1, of = server) =>
    recordReportEvents(
      of,
      id,
      Array.from({ length: count }, (_, n) => ({ state: { message: `${n}`, state: 'PENDING' } })),
    ),
}

const create = {
  trieve: () => newDataset(server, organization),
  llamacloud: () => newReport(server, organization),
}

const remove = { trieve: 'deleteDataset', llamacloud: 'deleteReport' }

async function newKeyOf(): Promise<{ id: string; key: string }> {
  const query = `mutation ($id: UUID!) {
    createApiKey(input: { organizationId: $id, role: READ }) { key apiKey { id } }
  }`
  const { key, apiKey } = expectData(await server.graphql(query, { id: organization })).createApiKey
  return { key, id: apiKey.id }
}

describe.each(['trieve', 'llamacloud'] as const)('The entity tag of %s', (api) => {
  const ask = routes[api]

  async function filled(count = 3): Promise<string> {
    const id = await create[api]()
    await record[api](id, count)
    return id
  }

  test('gets 304 without a body while nothing has changed, and reads no events', async () => {
    const id = await filled()
    const first = await ask(id)
    expect(first.status).toBe(200)
    expect(first.etag).toMatch(/^W\/"[\w-]{22}"$/)
    const read = async () =>
      [...(await samples(server.url))].filter(([name]) => name.startsWith('tidemark_page_events_total'))
    const before = await read()
    const again = await ask(id, { tag: first.etag })
    expect({ ...again, headers: undefined }).toEqual({ status: 304, etag: first.etag, text: '', headers: undefined })
    expect(again.headers.get('cache-control')).toBe('no-store')
    expect(again.headers.get('vary')).toBe(first.headers.get('vary'))
    expect(again.headers.get('x-api-version')).toBe(first.headers.get('x-api-version'))
    expect(await read()).toEqual(before)
  })

  test('is compared with each tag of a list, weakly', async () => {
    const id = await filled()
    const { etag } = await ask(id)
    const strong = etag?.slice(2)
    for (const tag of [`"x", ${etag}`, `${etag},"x"`, strong, '*', ` ${etag} `])
      expect({ tag, status: (await ask(id, { tag })).status }).toEqual({ tag, status: 304 })
    for (const tag of ['""', '"x"', 'W/"x"', '', etag?.slice(3, -1), etag?.toLowerCase()])
      expect({ tag, status: (await ask(id, { tag })).status }).toEqual({ tag, status: 200 })
  })

  test('is another one after each event, and the same as before after a duplicate', async () => {
    const id = await create[api]()
    const tags = new Set<string | null>()
    for (let n = 0; n < 5; n++) {
      const { status, etag } = await ask(id, { tag: [...tags].join(', ') })
      expect(status).toBe(200)
      tags.add(etag)
      expect((await ask(id, { tag: etag })).status).toBe(304)
      await record[api](id)
    }
    expect(tags.size).toBe(5)
  })

  test('is another one for another stream', async () => {
    const tags = await Promise.all([filled(), filled()].map(async (id) => (await ask(await id)).etag))
    expect(new Set(tags).size).toBe(2)
  })

  test('does not outlive a deletion', async () => {
    const id = await filled()
    const { etag } = await ask(id)
    const field = remove[api]
    const query = `mutation ($id: UUID!, $confirm: String!) { ${field}(id: $id, confirm: $confirm) { __typename } }`
    expectData(await server.graphql(query, { id, confirm: id }))
    for (const tag of [etag, '*']) {
      const reply = await ask(id, { tag })
      expect({ status: reply.status, etag: reply.etag }).toEqual({ status: 404, etag: null })
    }
  })

  test('does not outlive a key', async () => {
    const id = await filled()
    const { key, id: keyId } = await newKeyOf()
    const { etag } = await ask(id, { key })
    expect((await ask(id, { key, tag: etag })).status).toBe(304)
    expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: keyId }))
    const reply = await ask(id, { key, tag: etag })
    expect({ status: reply.status, etag: reply.etag }).toEqual({ status: 401, etag: null })
    expect((await ask(id, { key: 'unknown', tag: '*' })).status).toBe(401)
  })

  test('is the same for every key that may read the stream, and of no use to others', async () => {
    const id = await filled()
    const { etag } = await ask(id)
    const own = await newKeyOf()
    expect((await ask(id, { key: own.key, tag: etag })).status).toBe(304)
    const elsewhere = await newOrganization(server)
    const query = 'mutation ($id: UUID!) { createApiKey(input: { organizationId: $id, role: ADMIN }) { key } }'
    const { key } = expectData(await server.graphql(query, { id: elsewhere })).createApiKey
    expect([401, 404]).toContain((await ask(id, { key, tag: etag })).status)
  })

  test('is exposed to web pages', async () => {
    const id = await filled()
    const headers = { origin: 'https://app.example' }
    const { etag, headers: exposed } = await ask(id, { headers })
    expect(exposed.get('access-control-expose-headers')).toContain('ETag')
    const again = await ask(id, { tag: etag, headers })
    expect(again.status).toBe(304)
    expect(again.headers.get('access-control-allow-origin')).toBe('https://app.example')
  })

  test.runIf(inject('mode') === 'postgres')('is current or outdated on every server alike', async () => {
    await using other = await startServer(env)
    const id = await filled()
    for (const [one, two] of [
      [server, other],
      [other, server],
      [server, other],
    ] as const) {
      const { etag } = await ask(id, { of: one, key: one.rootKey })
      expect((await ask(id, { of: two, key: two.rootKey, tag: etag })).status).toBe(304)
      await record[api](id, 1, one)
      expect((await ask(id, { of: two, key: two.rootKey, tag: etag })).status).toBe(200)
    }
  })
})

test('An entity tag is of one history: a restored copy that went on has others', async () => {
  const original = await freshDatabase()
  let dataset: string
  {
    await using before = await startServer(original)
    dataset = await newDataset(before, await newOrganization(before))
    await record.trieve(dataset, 2, before)
  }
  const copied = await copyOf(original)
  const went = async (settings: DatabaseSettings) => {
    await using on = await startServer(settings)
    await record.trieve(dataset, 1, on)
    return await routes.trieve(dataset, { of: on, key: on.rootKey })
  }
  const [lost, kept] = [await went(original), await went(copied)]
  expect(lost.text).not.toBe(kept.text)
  expect(lost.etag).not.toBe(kept.etag)
})

describe('The entity tag of a page', () => {
  const ask = routes.trieve

  test('is another one for another page or filter, and the same for what means the same', async () => {
    const id = await create.trieve()
    await record.trieve(id, 30)
    const bodies = [
      {},
      { page: 2 },
      { page_size: 20 },
      { page_size: 0 },
      { event_types: ['etl_failed'] },
      { event_types: ['etl_failed', 'etl_started'] },
    ]
    const tags = await Promise.all(bodies.map(async (body) => (await ask(id, { body })).etag))
    expect(new Set(tags).size).toBe(bodies.length)
    const [all, , , , , both] = tags
    for (const body of [{ page: 1, page_size: 10, event_types: [] }, { page: null }, { type: ['x'] }])
      expect((await ask(id, { body, tag: all })).status).toBe(304)
    const body = { event_types: ['etl_started', 'etl_failed', 'etl_started'] }
    expect((await ask(id, { body, tag: both })).status).toBe(304)
  })

  test('is another one after a redaction and after a removal', async () => {
    const id = await create.trieve()
    const [, , event] = await record.trieve(id, 3)
    const { etag } = await ask(id)
    const redact = 'mutation ($id: UUID!, $event: UUID!) { redactWorkerEvent(datasetId: $id, id: $event) { seq } }'
    expectData(await server.graphql(redact, { id, event: event?.id }))
    const redacted = await ask(id, { tag: etag })
    expect(JSON.parse(redacted.text).events[0].event_data).toBe('null')
    await keepInDataset(server, id, { maxEvents: 2 })
    await expect.poll(async () => (await ask(id, { tag: redacted.etag })).status).toBe(200)
    expect(JSON.parse((await ask(id, { tag: redacted.etag })).text).events).toHaveLength(2)
  })

  test('does not hide an error of the request', async () => {
    const id = await create.trieve()
    for (const body of ['not json', { page: 0 }, { page_size: 10_001 }]) {
      const reply = await ask(id, { body, tag: '*' })
      expect({ body, status: reply.status, etag: reply.etag }).toEqual({ body, status: 400, etag: null })
    }
  })

  test('is that of its dataset by a tracking id too', async () => {
    const id = await newDataset(server, organization, { trackingId: 'tagged' })
    await record.trieve(id, 2)
    const { etag } = await ask(id)
    const headers = { 'tr-organization': organization }
    expect((await ask('tagged', { tag: etag, headers })).status).toBe(304)
    await record.trieve(id)
    expect((await ask('tagged', { tag: etag, headers })).status).toBe(200)
  })
})

describe('The entity tag of a list', () => {
  const ask = routes.llamacloud

  test('is another one for another start, and the same for what means the same', async () => {
    const id = await create.llamacloud()
    await record.llamacloud(id, 5)
    const searches = ['', '?last_sequence=1', '?last_sequence=9', '?after=2020-01-01', '?after=2020-01-02']
    const tags = await Promise.all(searches.map(async (search) => (await ask(id, { search })).etag))
    expect(new Set(tags).size).toBe(searches.length)
    for (const search of ['?x=1', '?last_sequence=0', '/', `?organization_id=${organization}`])
      expect({ search, status: (await ask(id, { search, tag: tags[0] })).status }).toEqual({ search, status: 304 })
    const nowhere = `?organization_id=${id}`
    expect((await ask(id, { search: nowhere, tag: tags[0] })).status).toBe(404)
    expect((await ask(id, { search: '?last_sequence=x', tag: '*' })).status).toBe(422)
  })

  test('is also that of a list which is sent in parts', async () => {
    const id = await create.llamacloud()
    for (let n = 0; n < 3; n++) await record.llamacloud(id, 1_000)
    const { etag, text } = await ask(id)
    expect(JSON.parse(text)).toHaveLength(3_000)
    expect((await ask(id, { tag: etag })).status).toBe(304)
    await record.llamacloud(id)
    const next = await ask(id, { tag: etag })
    expect(JSON.parse(next.text)).toHaveLength(3_001)
    expect(next.etag).not.toBe(etag)
  })

  test('is absent from server-sent events', async () => {
    const id = await create.llamacloud()
    await recordReportEvents(server, id, [{ state: { message: 'Done', state: 'COMPLETED' } }])
    const { etag } = await ask(id)
    const stream = await ask(id, { tag: etag, headers: { accept: 'text/event-stream' } })
    expect({ status: stream.status, etag: stream.etag }).toEqual({ status: 200, etag: null })
  })
})
