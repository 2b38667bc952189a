import { on, once } from 'node:events'
import { createClient } from 'graphql-ws'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { callerOf } from '../../src/accounts/caller-of.ts'
import { redisInstalled, redisServer } from '../support/redis.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** Requests per minute, more than these tests take. */
const REQUESTS = 10

let server: TestServer
let organization: string
let dataset: string
let report: string
/** One key per test that uses one up. */
let keys: string[]
/** Those of another organization. */
let others: string[]

beforeAll(async () => {
  // Without limits, to create them.
  const generous = await startServer()
  organization = await newOrganization(generous)
  dataset = await newDataset(generous, organization)
  report = await newReport(generous, organization)
  keys = await Promise.all(Array.from({ length: 20 }, () => newKey(generous, organization, 'READ')))
  const other = await newOrganization(generous)
  others = await Promise.all(Array.from({ length: 11 }, () => newKey(generous, other)))
  await generous[Symbol.asyncDispose]()
  const limits = { REQUESTS_PER_MINUTE: String(REQUESTS), MAX_OPERATIONS_PER_SOCKET: '2', MAX_SOCKETS_PER_KEY: '2' }
  server = await startServer({ ...generous.env, ...limits })
})
afterAll(() => server[Symbol.asyncDispose]())

const newest = () => keys.pop() ?? ''
const query = '{ __typename }'

async function useUp(key: string | null, at = server): Promise<void> {
  for (let i = 0; i < REQUESTS; i++) expect(await at.graphql(query, {}, key)).not.toHaveProperty('errors')
}

async function connected(key: string) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  const messages = on(socket, 'message')
  const next = async () => JSON.parse(String((await messages.next()).value[0]))
  const send = (message: object) => socket.send(JSON.stringify(message))
  send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })
  return { socket, send, next, closed: once(socket, 'close').then(([code]) => code as number) }
}

const rateLimited = { code: 'RATE_LIMITED', retryAfter: expect.any(Number) }

describe('A caller above the limit', () => {
  test.each(['application/json', 'text/event-stream'])('gets 429 over HTTP, accepting %s', async (accept) => {
    const key = newest()
    await useUp(key)
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept }
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: '{"query":' })
    expect(response.status).toBe(429)
    const seconds = Number(response.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfter: seconds } }],
    })
    // Other callers are not affected, and monitoring routes do not count.
    expect(await server.graphql(query)).toEqual({ data: { __typename: 'Query' } })
    for (const path of ['healthz', 'readyz', 'metrics'])
      for (let i = 0; i <= REQUESTS; i++) expect((await fetch(`${server.url}/${path}`)).status).toBe(200)
  })

  test('gets an error over a socket, which remains open', async () => {
    const key = newest()
    const { send, next, socket } = await connected(key)
    await next()
    // One request was the connection.
    for (let i = 1; i < REQUESTS; i++) {
      send({ id: '1', type: 'subscribe', payload: { query } })
      expect(await next()).toMatchObject({ type: 'next' })
      if ((await next()).type !== 'complete') throw new Error('It goes on.')
    }
    send({ id: '1', type: 'subscribe', payload: { query } })
    expect(await next()).toMatchObject({ id: '1', type: 'error', payload: [{ extensions: rateLimited }] })
    expect(socket.readyState).toBe(WebSocket.OPEN)
    expect(await server.graphql(query, {}, key)).toMatchObject({ errors: [{ extensions: rateLimited }] })
  })

  test.each([
    ['Trieve', 'POST', '/api/dataset/events', 'message'],
    ['LlamaCloud', 'GET', '/api/v1/reports/$report/events', 'detail'],
  ])('gets 429 from the route of %s, in its format, counted once', async (_, method, path, member) => {
    const headers = { authorization: `Bearer ${newest()}`, 'tr-dataset': dataset, 'content-type': 'application/json' }
    const call = () =>
      fetch(`${server.url}${path.replace('$report', report)}`, {
        method,
        headers,
        body: method === 'POST' ? '{}' : null,
      })
    for (let i = 0; i < REQUESTS; i++) expect((await call()).status).toBe(200)
    const response = await call()
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toEqual({ [member]: expect.stringContaining('Too many requests') })
  })
})

test('A stream above the limit of open connections is rejected with 429', async () => {
  const headers = {
    authorization: `Bearer ${newest()}`,
    'content-type': 'application/json',
    accept: 'text/event-stream',
  }
  const body = JSON.stringify({ query: `subscription { workerEvents(datasetId: "${dataset}") { cursor } }` })
  const open = () => fetch(`${server.url}/graphql`, { method: 'POST', headers, body })
  const streams = [await open(), await open()]
  onTestFinished(() => void Promise.all(streams.map((stream) => stream.body?.cancel())))
  expect(streams.map(({ status }) => status)).toEqual([200, 200])
  const rejected = await open()
  expect(rejected.status).toBe(429)
  expect(await rejected.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] })
})

test('A socket that keeps sending after RATE_LIMITED errors is closed', async () => {
  const key = newest()
  const { send, next, closed } = await connected(key)
  await next()
  for (let i = 1; i < REQUESTS; i++) await server.graphql(query, {}, key)
  for (let id = 0; id <= 100; id++) send({ id: String(id), type: 'subscribe', payload: { query } })
  expect(await closed).toBe(1013)
})

test('A socket has a limit of concurrent operations, and room for another when one has ended', async () => {
  const { send, next } = await connected(newest())
  await next()
  const payload = { query: `subscription { workerEvents(datasetId: "${dataset}") { cursor } }` }
  for (const id of ['1', '2']) {
    send({ id, type: 'subscribe', payload })
    expect(await next()).toMatchObject({ type: 'ping', payload: { id } })
  }
  send({ id: '3', type: 'subscribe', payload })
  expect(await next()).toMatchObject({ id: '3', type: 'error', payload: [{ extensions: { code: 'RATE_LIMITED' } }] })
  send({ id: '1', type: 'complete' })
  send({ id: '3', type: 'subscribe', payload })
  expect(await next()).toMatchObject({ type: 'ping', payload: { id: '3' } })
})

test('A key has a limit of concurrent sockets, and room for another when one is closed', async () => {
  const key = newest()
  const first = await connected(key)
  await first.next()
  await (await connected(key)).next()
  expect(await (await connected(key)).closed).toBe(1013)
  await (await connected(server.rootKey)).next()
  first.socket.close()
  await first.closed
  expect(await (await connected(key)).next()).toMatchObject({ type: 'connection_ack' })
})

test('The official client comes back once it is below the limits', async () => {
  const key = newest()
  const sockets = [await connected(key), await connected(key)]
  for (const { next } of sockets) expect(await next()).toMatchObject({ type: 'connection_ack' })
  const closed: unknown[] = []
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryWait: async () => sockets.shift()?.socket.terminate(),
    on: { closed: (event) => closed.push((event as CloseEvent).code) },
  })
  onTestFinished(async () => client.dispose())
  const results = client.iterate({ query })
  expect((await results.next()).value).toEqual({ data: { __typename: 'Query' } })
  expect(closed).toContain(1013)
})

test('An address has a limit of concurrent sockets without a key', async () => {
  const open = () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    onTestFinished(() => socket.terminate())
    return once(socket, 'open').then(() => socket)
  }
  const first = await open()
  await open()
  await expect(open()).rejects.toThrow('429')
  first.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.rootKey}` } }))
  await once(first, 'message')
  await open()
})

test('Server-sent event streams and sockets of a key share one limit', async () => {
  const key = newest()
  const stream = (path: string, init: RequestInit = {}) => {
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream', 'content-type': 'application/json' }
    const response = fetch(`${server.url}${path}`, { ...init, headers, signal: leaving.signal })
    return { response, leave: () => leaving.abort() }
  }
  const legacy = () => stream(`/api/v1/reports/${report}/events`)
  const body = JSON.stringify({ query: `subscription { workerEvents(datasetId: "${dataset}") { cursor } }` })
  const graphql = () => stream('/graphql', { method: 'POST', body })
  const first = legacy()
  expect((await first.response).status).toBe(200)
  const { socket, next } = await connected(key)
  expect(await next()).toMatchObject({ type: 'connection_ack' })
  expect((await legacy().response).status).toBe(429)
  expect(await (await graphql().response).text()).toContain('RATE_LIMITED')
  expect(await (await connected(key)).closed).toBe(1013)
  first.leave()
  await until(async () => (await metric(server.url, 'tidemark_followers')) === 0)
  expect((await graphql().response).headers.get('content-type')).toBe('text/event-stream')
  socket.terminate()
})

/** For servers that share a database, as only those on PostgreSQL can. */
const redisShared = redisInstalled && inject('mode') === 'postgres'

test.runIf(redisShared)('Servers count together through Redis, and each for itself without', async () => {
  await using redis = await redisServer()
  await redis.start()
  const settings = { ...server.env, REDIS_URL: redis.url, REQUESTS_PER_MINUTE: String(REQUESTS) }
  await using one = await startServer(settings)
  await using two = await startServer(settings)
  const key = newest()
  let answered = 0
  for (const at of [one, two, one, two, one, two, one, two, one, two, one, two]) {
    if (!(await at.graphql(query, {}, key)).errors) answered++
  }
  expect(answered).toBe(REQUESTS)
  await redis.stop()
  expect(await one.graphql(query)).not.toHaveProperty('errors')
  await useUp(newest(), two)
})

test.runIf(redisShared)(
  'A valid key works after a restart even if anonymous clients have used up the limit of its address',
  async () => {
    await using redis = await redisServer()
    await redis.start()
    const settings = { ...server.env, REDIS_URL: redis.url, REQUESTS_PER_MINUTE: String(REQUESTS) }
    const useUpAddress = (at: TestServer) =>
      until(async () => (await at.graphql(query, {}, 'made up')).errors?.[0]?.extensions.code === 'RATE_LIMITED')
    {
      await using before = await startServer(settings)
      await useUpAddress(before)
    }
    await using after = await startServer(settings)
    await useUpAddress(after)
    expect(await after.graphql(query, {}, newest())).not.toHaveProperty('errors')
    expect(await after.graphql(query)).not.toHaveProperty('errors')
  },
)

test.runIf(redisShared)(
  'A Redis that hangs is called once, not for each request, and used again when it responds',
  async () => {
    await using redis = await redisServer()
    await redis.start()
    await using asking = await startServer({ ...server.env, REDIS_URL: redis.url, REQUESTS_PER_MINUTE: '100' })
    await using client = Object.assign(new Redis(redis.url), {
      async [Symbol.asyncDispose]() {
        client.disconnect()
      },
    })
    const counted = async () => {
      const stats = await client.info('commandstats')
      return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0)
    }
    const key = newest()
    await until(async () => {
      await asking.graphql(query, {}, key)
      return (await counted()) > 0
    })
    const before = await counted()
    redis.pause()
    for (let i = 0; i < 12; i++) expect(await asking.graphql(query, {}, key)).not.toHaveProperty('errors')
    redis.resume()
    // The counts of a key and of its organization.
    expect((await counted()) - before).toBeLessThanOrEqual(2)
    await until(async () => {
      await asking.graphql(query)
      return (await counted()) - before > 2
    })
  },
)

test.runIf(redisShared)(
  'A connection to Redis that has gone silent is replaced, and calls go on meanwhile',
  async () => {
    await using redis = await redisServer()
    await redis.start()
    await using proxy = await tcpProxy(redis.url)
    await using asking = await startServer({ ...server.env, REDIS_URL: proxy.url, REQUESTS_PER_MINUTE: '1000' })
    await using client = Object.assign(new Redis(redis.url), {
      async [Symbol.asyncDispose]() {
        client.disconnect()
      },
    })
    // Counted in Redis, where they are seen by other servers.
    const key = newest()
    const counted = async () => (await client.dbsize()) > 0
    const ask = async () => expect(await asking.graphql(query, {}, key)).not.toHaveProperty('errors')
    await until(async () => {
      await ask()
      return counted()
    })
    proxy.silence()
    await ask()
    await client.flushall()
    await until(async () => {
      await ask()
      return counted()
    })
  },
)

test('An operation that can return many values counts as several requests', async () => {
  const key = newest()
  const dear = `{ workerEventPage(datasetId: "${dataset}", pageSize: 10000) { events { id seq } } }`
  expect(await server.graphql(dear, {}, key)).not.toHaveProperty('errors')
  let answered = 0
  for (let i = 0; i < REQUESTS; i++) if (!(await server.graphql(query, {}, key)).errors) answered++
  expect(answered).toBeLessThan(REQUESTS - 1)
  expect(answered).toBeGreaterThan(0)
})

test.runIf(redisShared)(
  'What an operation counts as is counted once, also where its organization is at its limit',
  async () => {
    await using redis = await redisServer()
    await redis.start()
    await using counting = await startServer({ ...server.env, REDIS_URL: redis.url, REQUESTS_PER_MINUTE: '100' })
    await using client = Object.assign(new Redis(redis.url), {
      async [Symbol.asyncDispose]() {
        client.disconnect()
      },
    })
    const key = newest()
    const dear = `{ workerEventPage(datasetId: "${dataset}", pageSize: 10000) { events { id seq } } }`
    const count = async () => {
      const [name] = await client.keys('tidemark:requests:key:*')
      return name ? Number(await client.get(name)) : 0
    }
    await until(async () => {
      await counting.graphql(query, {}, key)
      return (await count()) > 0
    })
    const before = await count()
    expect(await counting.graphql(dear, {}, key)).not.toHaveProperty('errors')
    const weight = (await count()) - before
    expect(weight).toBeGreaterThan(1)
    // Room for the request, and not for what it counts as.
    const [ofOrganization = ''] = await client.keys('tidemark:tenants:*')
    const ask = async () => {
      await client.set(ofOrganization, '999', 'KEEPTTL')
      const response = await fetch(`${counting.url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: dear }),
      })
      expect(response.status).toBe(429)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] })
    }
    await ask()
    expect((await count()) - before).toBe(2 * weight)
  },
)

test('An organization has ten times the limit of a key, for any number of keys', async () => {
  const codes: unknown[] = []
  for (const key of others)
    for (let i = 0; i < REQUESTS; i++) codes.push((await server.graphql(query, {}, key)).errors?.[0]?.extensions.code)
  expect(codes.filter((code) => code === undefined)).toHaveLength(REQUESTS * 10)
  expect(codes.slice(REQUESTS * 10)).toEqual(Array(REQUESTS).fill('RATE_LIMITED'))
})

// Last, because all of these tests share one address.
test('Requests without a valid key count by address on every transport, and delay no valid key of it', async () => {
  const [known, unknown] = [newest(), newest()]
  expect(await server.graphql(query, {}, known)).not.toHaveProperty('errors')
  const code = async (key: string | null) => (await server.graphql(query, {}, key)).errors?.[0]?.extensions.code
  await until(async () => (await code(null)) === 'RATE_LIMITED')
  for (let i = 0; i < 20; i++) expect(await code(`made up ${i}`)).toBe('RATE_LIMITED')
  expect(await (await connected('made up')).closed).toBe(1013)
  const doors: [string, string][] = [
    ['GET', `/api/v1/reports/${report}/events`],
    ['HEAD', `/api/v1/reports/${report}/events`],
    ['POST', '/api/dataset/events'],
    ['GET', '/api/dataset/events'],
    ['GET', '/openapi.json'],
    ['GET', '/nowhere'],
    ['GET', '/'],
  ]
  for (const [method, path] of doors) {
    const { status, headers } = await fetch(`${server.url}${path}`, { method, redirect: 'manual' })
    expect([path, status, Number(headers.get('retry-after')) > 0]).toEqual([path, 429, true])
  }
  for (const path of ['healthz', 'readyz', 'metrics']) expect((await fetch(`${server.url}/${path}`)).status).toBe(200)
  // One that has been used here, and one that has not.
  expect(await server.graphql(query, {}, known)).not.toHaveProperty('errors')
  expect(await server.graphql(query, {}, unknown)).not.toHaveProperty('errors')
})

test.each([
  ['192.0.2.1', 'address:192.0.2.1'],
  ['::ffff:192.0.2.1', 'address:192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', 'address:2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', 'address:2001:db8:1:2::/64'],
  ['2001:db8::3:4:5:6', 'address:2001:db8::/64'],
  ['2001::2:3:4:5:6:7', 'address:2001:0:2:3::/64'],
  ['::1', 'address:::/64'],
  ['fe80::1%eth0', 'address:fe80::/64'],
])('The address %s counts as %s', (address, caller) => {
  expect(callerOf({ type: 'anonymous' }, address).name).toBe(caller)
})
