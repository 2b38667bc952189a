import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { tidemark } from '../support/process.ts'
import { newDataset, newKey, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { TRANSPORTS, type Transport } from '../support/transports.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** A unique operation, which returns NOT_FOUND when it is run. */
const newOperation = () => `{ workerEvents(datasetId: "${randomUUID()}") { totalCount } }`

const LISTED = {
  notFound: newOperation(),
  costly: `{ workerEvents(datasetId: "${randomUUID()}", first: 1000000) { nodes { id } } }`,
  follow: 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { node { seq } } }',
}

let folder: string
let server: TestServer
let listing: TestServer
let dataset: string
let report: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-'))
  server = await startServer()
  // With a list, only listed operations can record events.
  const before = await startServer()
  const organization = await newOrganization(before)
  dataset = await newDataset(before, organization)
  report = await newReport(before, organization)
  await recordWorkerEvents(before, dataset, [{ eventType: 'FILE_UPLOADED' }])
  await before[Symbol.asyncDispose]()
  listing = await startServer({ ...before.env, PERSISTED_OPERATIONS: await mapOf(Object.values(LISTED)) })
})
afterAll(async () => {
  await listing[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function file(text: string): Promise<string> {
  const path = join(folder, randomUUID())
  await writeFile(path, text)
  return path
}

function mapOf(operations: string[]): Promise<string> {
  return file(JSON.stringify(Object.fromEntries(operations.map((text) => [sha256(text), text]))))
}

function body(query: string, sha256Hash?: string): string {
  return JSON.stringify({ query, extensions: sha256Hash && { persistedQuery: { version: 1, sha256Hash } } })
}

function get({ url, rootKey }: TestServer, params: object, accept = 'application/json'): Promise<Response> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    if (value) search.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  return fetch(`${url}/graphql?${search}`, { headers: { authorization: `Bearer ${rootKey}`, accept } })
}

const overGet: Transport = async (url, rootKey, text) => {
  const { errors } = (await (await get({ url, rootKey } as TestServer, JSON.parse(text))).json()) as never
  return (errors as { extensions: { code: string } }[] | undefined)?.[0]?.extensions.code
}

const DOORS: typeof TRANSPORTS = [...TRANSPORTS, ['GET', overGet]]

describe.each(DOORS)('Over %s', (_, transport) => {
  const send = (text: string, { url, rootKey } = server) => transport(url, rootKey, text)

  test('an operation that was sent with its hash runs by the hash alone', async () => {
    const query = newOperation()
    expect(await send(body('', sha256(query)))).toBe('PERSISTED_QUERY_NOT_FOUND')
    expect(await send(body(query))).toBe('NOT_FOUND')
    expect(await send(body('', sha256(query)))).toBe('PERSISTED_QUERY_NOT_FOUND')
    expect(await send(body(query, sha256(query)))).toBe('NOT_FOUND')
    expect(await send(body('', sha256(query)))).toBe('NOT_FOUND')
  })

  test('a wrong hash is rejected, and nothing is stored under it', async () => {
    const hash = sha256(randomUUID())
    expect(await send(body(newOperation(), hash))).toBe('BAD_USER_INPUT')
    expect(await send(body('', hash))).toBe('PERSISTED_QUERY_NOT_FOUND')
  })

  test('a malformed hash is rejected', async () => {
    const hash = sha256('{ __typename }')
    for (const persistedQuery of [
      { version: 2, sha256Hash: hash },
      { version: '1', sha256Hash: hash },
      { sha256Hash: hash },
      { version: 1 },
      { version: 1, sha256Hash: hash.slice(1) },
      { version: 1, sha256Hash: hash.toUpperCase() },
      { version: 1, sha256Hash: [hash] },
      [],
      hash,
      0,
    ]) {
      for (const query of ['{ __typename }', '']) {
        const text = JSON.stringify({ query, extensions: { persistedQuery } })
        expect([text, await send(text)]).toEqual([text, 'BAD_USER_INPUT'])
      }
    }
  })

  test('a server with an allowlist runs its operations by hash, text, or both', async () => {
    const { notFound } = LISTED
    for (const text of [body('', sha256(notFound)), body(notFound), body(notFound, sha256(notFound))])
      expect(await send(text, listing)).toBe('NOT_FOUND')
    expect(await send(body(notFound, sha256(LISTED.costly)), listing)).toBe('BAD_USER_INPUT')
    expect(await send(body('', sha256(LISTED.costly)), listing)).toBe('GRAPHQL_VALIDATION_FAILED')
  })

  test('a server with an allowlist runs no other operation, and registers none', async () => {
    const query = newOperation()
    for (const text of [
      body(query, sha256(query)),
      body('', sha256(query)),
      body(query),
      body(` ${LISTED.notFound}`),
      body('{ __schema { queryType { name } } }'),
    ])
      expect([text, await send(text, listing)]).toEqual([text, 'PERSISTED_QUERY_NOT_IN_LIST'])
  })
})

describe.each(TRANSPORTS)('Over %s', (_, transport) => {
  test('an organization neither finds nor evicts operations of another', async () => {
    const [one, other] = await Promise.all([1, 2].map(async () => newKey(server, await newOrganization(server))))
    const send = (key: string | undefined, text: string) => transport(server.url, key ?? '', text)
    const [query, long] = [newOperation(), `${newOperation()} # ${'x'.repeat(20_000)}`]
    await send(one, body(query, sha256(query)))
    expect(await send(other, body('', sha256(query)))).toBe('PERSISTED_QUERY_NOT_FOUND')
    // More than the cache of an organization can hold.
    for (let i = 0; i < 20; i++) {
      const text = `${newOperation()} # ${'x'.repeat(9_000)}`
      await send(other, body(text, sha256(text)))
    }
    expect(await send(one, body('', sha256(query)))).toBe('NOT_FOUND')
    expect(await send(one, body(long, sha256(long)))).toBe('NOT_FOUND')
    expect(await send(one, body('', sha256(long)))).toBe('PERSISTED_QUERY_NOT_FOUND')
  })
})

describe.each(TRANSPORTS)('Over %s', (_, transport) => {
  test.each([
    ['too long', 'GRAPHQL_PARSE_FAILED', () => `${newOperation()} # ${'x'.repeat(300_000)}`],
    ['of too many tokens', 'GRAPHQL_PARSE_FAILED', () => `{ ${newOperation()} ${'__typename '.repeat(2_501)} }`],
    ['not GraphQL', 'GRAPHQL_PARSE_FAILED', () => randomUUID()],
    ['not valid', 'GRAPHQL_VALIDATION_FAILED', () => `{ nothing(id: "${randomUUID()}") }`],
    [
      'too costly',
      'GRAPHQL_VALIDATION_FAILED',
      () => `{ workerEvents(datasetId: "${randomUUID()}", first: 1000000) { nodes { id } } }`,
    ],
  ])('an operation that is %s is not registered', async (_, code, operation) => {
    const query = operation()
    expect(await transport(server.url, server.rootKey, body(query, sha256(query)))).toBe(code)
    expect(await transport(server.url, server.rootKey, body('', sha256(query)))).toBe('PERSISTED_QUERY_NOT_FOUND')
  })
})

describe('Over HTTP', () => {
  test.each([
    ['application/json', 200, 200],
    ['application/graphql-response+json', 404, 400],
  ])('%s has the status that clients expect', async (accept, unknown, unlisted) => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(randomUUID()) } }
    const first = await get(server, { extensions }, accept)
    expect(first.status).toBe(unknown)
    // Some clients match the message.
    const extension = { code: 'PERSISTED_QUERY_NOT_FOUND' }
    expect(await first.json()).toEqual({ errors: [{ message: 'PersistedQueryNotFound', extensions: extension }] })
    expect((await get(listing, { extensions }, accept)).status).toBe(unlisted)
  })

  test('an operation without a text runs with its variables and its name', async () => {
    const query = `query A { __typename } query B ($id: UUID!) { dataset(id: $id) { id } } # ${randomUUID()}`
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(query) } }
    const id = await newDataset(server, await newOrganization(server))
    const call = { operationName: 'B', variables: { id }, extensions }
    const data = { dataset: { id } }
    expect(await (await get(server, { ...call, query })).json()).toEqual({ data })
    expect(await (await get(server, call)).json()).toEqual({ data })
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(call),
    })
    expect(await response.json()).toEqual({ data })
  })

  test('a mutation does not run by GET, not by its hash either', async () => {
    const query = `mutation { createOrganization(input: { name: "${randomUUID()}" }) { id } }`
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(query) } }
    expect((await get(server, { query, extensions })).status).toBe(405)
    expect(await (await get(server, { extensions })).json()).toMatchObject({
      errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    })
    const headers = { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json' }
    await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: body(query, sha256(query)) })
    expect((await get(server, { extensions })).status).toBe(405)
  })

  test('operations of anonymous clients are not registered', async () => {
    const query = `query Q${randomUUID().replaceAll('-', '')} { __typename }`
    const anonymous = { ...server, rootKey: '' }
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(query) } }
    expect(await (await get(anonymous, { query, extensions })).json()).toEqual({ data: { __typename: 'Query' } })
    for (const caller of [anonymous, server])
      expect(await (await get(caller, { extensions })).json()).toMatchObject({
        errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
      })
  })

  test('a request without an operation is still reported as such', async () => {
    for (const { url, rootKey } of [server, listing]) {
      const headers = { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' }
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: '{}' })
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
    }
  })
})

test('A subscription runs by its hash, over a WebSocket and as server-sent events', async () => {
  const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(LISTED.follow) } }
  const variables = { id: dataset }
  const data = { workerEvents: { node: { seq: 1 } } }
  const client = createClient({
    url: `${listing.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${listing.rootKey}` },
  })
  onTestFinished(() => void client.dispose())
  for await (const result of client.iterate({ query: '', variables, extensions })) {
    expect(result).toEqual({ data })
    break
  }
  const { body: stream } = await get(listing, { variables, extensions }, 'text/event-stream')
  let text = ''
  for await (const chunk of stream?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.includes('data: ')) break
  }
  expect(text).toContain(`data: ${JSON.stringify({ data })}`)
})

test('Recently used operations are kept, up to a number of characters per organization', async () => {
  const long = () => `${newOperation()} # ${'x'.repeat(19_000)}`
  const [, overHttp] = TRANSPORTS[0] as (typeof TRANSPORTS)[0]
  const send = (text: string) => overHttp(server.url, server.rootKey, text)
  const [used, unused] = [long(), long()]
  for (const query of [used, unused]) await send(body(query, sha256(query)))
  const others = Array.from({ length: 5 }, long)
  for (const query of others) {
    await send(body(query, sha256(query)))
    expect(await send(body('', sha256(used)))).toBe('NOT_FOUND')
  }
  expect(await send(body('', sha256(unused)))).toBe('PERSISTED_QUERY_NOT_FOUND')
  for (const query of others) expect(await send(body('', sha256(query)))).toBe('NOT_FOUND')
})

test('The legacy routes run trusted documents, which need not be on the allowlist', async () => {
  const headers = { authorization: `Bearer ${listing.rootKey}`, 'content-type': 'application/json' }
  const events = await fetch(`${listing.url}/api/dataset/events`, {
    method: 'POST',
    headers: { ...headers, 'tr-dataset': dataset },
    body: '{}',
  })
  expect(await events.json()).toMatchObject({ events: [{ event_type: 'file_uploaded' }] })
  const route = `${listing.url}/api/v1/reports/${report}/events`
  expect((await fetch(route, { headers })).status).toBe(200)
  const stream = await fetch(route, { headers: { ...headers, accept: 'text/event-stream' } })
  expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  await stream.body?.cancel()
})

test.each([
  [
    "Apollo's generate-persisted-query-manifest",
    (hash: string, body: string) => ({
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: [{ id: hash, name: 'A', type: 'query', body }],
    }),
  ],
  ['GraphQL Code Generator', (hash: string, text: string) => ({ [`sha256:${hash}`]: text })],
])('An allowlist can have the format of %s', async (_, listOf) => {
  const text = newOperation()
  const list = JSON.stringify(listOf(sha256(text), text))
  await using other = await startServer({ PERSISTED_OPERATIONS: await file(list) })
  const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(text) } }
  expect(await (await get(other, { extensions })).json()).toMatchObject({
    errors: [{ extensions: { code: 'NOT_FOUND' } }],
  })
})

describe('An allowlist stops the start', () => {
  const start = (path: string) => startServer({ DATA_DIR: folder, PERSISTED_OPERATIONS: path })

  test.each([
    ['not JSON', '{'],
    ['not an object', '["{ __typename }"]'],
    ['of values other than texts', `{"${sha256('1')}":1}`],
    ['a manifest of another version', '{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}'],
  ])('that is %s', async (_, text) => {
    const path = await file(text)
    await expect(start(path)).rejects.toMatchObject({
      name: 'StartError',
      message:
        `PERSISTED_OPERATIONS must be a JSON object of operation texts by SHA-256, or an Apollo persisted ` +
        `query manifest: ${path}`,
    })
  })

  test('that does not exist, with one message', async () => {
    const path = join(folder, 'none')
    const { exited, output } = tidemark(['serve'], { PORT: '0', DATA_DIR: folder, PERSISTED_OPERATIONS: path })
    expect(await exited).toBe(1)
    expect(output.stderr).toBe(
      `PERSISTED_OPERATIONS cannot be read: ENOENT: no such file or directory, open '${path}'\n`,
    )
  })

  test('that lists an operation under another hash', async () => {
    const [good, bad] = [newOperation(), newOperation()]
    const path = await file(JSON.stringify({ [sha256(good)]: good, '07b0e5c4': bad }))
    await expect(start(path)).rejects.toMatchObject({
      name: 'StartError',
      message:
        `PERSISTED_OPERATIONS lists 1 of 2 operations under a key that is not their SHA-256, such as ` +
        `"07b0e5c4": ${path}`,
    })
  })
})
