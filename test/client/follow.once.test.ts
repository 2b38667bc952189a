import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { type ClientOptions, createClient, type Follow, type TidemarkError } from '../../src/client/client.ts'
import { keepInDataset, keptIn } from '../support/retention.ts'
import { newDataset, newKey, newOrganization, newReport, recordWorkerEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

let server: TestServer
let organization: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const started = (count: number, eventType = 'ETL_STARTED', eventData: unknown = null) =>
  Array.from({ length: count }, () => ({ eventType, eventData }))

function clientOf(options: Partial<ClientOptions>) {
  const client = createClient({ url: server.url, key: server.rootKey, ...options })
  onTestFinished(() => client.close())
  return client
}

/** The positions of the next events, exactly this many. */
async function take(follow: Follow<{ seq: number }>, count: number): Promise<number[]> {
  const seen: number[] = []
  while (seen.length < count) {
    const { done, value } = await follow.next()
    if (done) throw new Error(`Ended after ${seen}`)
    seen.push(...value.edges.map(({ node }) => node.seq))
  }
  return seen
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe.each([
  ['a WebSocket', { webSocket: WebSocket }],
  ['server-sent events', { webSocket: null }],
])('Over %s', (_name, options) => {
  test('stored events come in full batches, then new ones; the position is known without any', async () => {
    const datasetId = await newDataset(server, organization)
    await recordWorkerEvents(server, datasetId, started(5))
    const follow = clientOf(options).follow({ datasetId, from: 'BEGINNING', maxEvents: 3 })
    expect((await follow.next()).value).toMatchObject({ edges: { length: 3 }, caughtUp: false, behind: 2 })
    expect((await follow.next()).value).toMatchObject({ edges: { length: 2 }, caughtUp: true, behind: 0 })
    const next = follow.next()
    await recordWorkerEvents(server, datasetId, started(1))
    const { value } = await next
    expect(value).toMatchObject({ edges: [{ node: { seq: 6, eventType: 'ETL_STARTED' } }], caughtUp: true })
    expect(follow.cursor).toBe(value?.cursor)
    const { value: empty } = await clientOf(options).follow({ datasetId, after: follow.cursor }).next()
    expect(empty).toMatchObject({ edges: [], caughtUp: true, cursor: follow.cursor })
  })

  test('the newest, some types and own fields are selected', async () => {
    const datasetId = await newDataset(server, organization)
    await recordWorkerEvents(server, datasetId, [...started(3), ...started(3, 'ETL_FAILED'), ...started(1)])
    const follow = clientOf(options).follow<{ seq: number }>({
      datasetId,
      types: ['ETL_FAILED'],
      tail: 2,
      fields: 'seq',
    })
    expect((await follow.next()).value?.edges.map(({ node }) => node)).toEqual([{ seq: 5 }, { seq: 6 }])
  })

  test('a connection that breaks, or says nothing more, is replaced without a gap', async () => {
    const datasetId = await newDataset(server, organization)
    await recordWorkerEvents(server, datasetId, started(2))
    await using proxy = await tcpProxy(server.url)
    const retried: TidemarkError[] = []
    const client = clientOf({ ...options, url: proxy.url, silenceMs: 600, onRetry: (error) => retried.push(error) })
    const follow = client.follow({ datasetId, from: 'BEGINNING' })
    expect(await take(follow, 2)).toEqual([1, 2])
    await proxy.cut()
    await recordWorkerEvents(server, datasetId, started(2))
    await until(() => retried.length > 0)
    await proxy.restore()
    expect(await take(follow, 2)).toEqual([3, 4])
    proxy.silence()
    await recordWorkerEvents(server, datasetId, started(2))
    expect(await take(follow, 2)).toEqual([5, 6])
    expect(new Set(retried.map(({ code }) => code))).toEqual(new Set(['DISCONNECTED']))
  })

  test('a key that is revoked is replaced by the one that the function gives next', async () => {
    const datasetId = await newDataset(server, organization)
    await recordWorkerEvents(server, datasetId, started(1))
    const keys = [await newKey(server, organization), await newKey(server, organization)]
    const retried: string[] = []
    const client = clientOf({
      ...options,
      key: (refused) => keys[refused === keys[0] ? 1 : 0] as string,
      onRetry: ({ code }) => retried.push(code),
    })
    const follow = client.follow({ datasetId, from: 'BEGINNING' })
    expect(await take(follow, 1)).toEqual([1])
    const { apiKeys } = (await server.graphql(KEYS, { organization })).data
    await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: apiKeys.nodes[1].id })
    await until(() => retried.length > 0)
    await recordWorkerEvents(server, datasetId, started(1))
    expect(await take(follow, 1)).toEqual([2])
    expect(retried).toEqual(['UNAUTHENTICATED'])
    await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: apiKeys.nodes[0].id })
    // The function has no other.
    await expect(follow.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await follow.next()).toEqual({ done: true, value: undefined })
  })

  test('it ends at once when the application leaves, aborts or closes, also while it waits or connects', async () => {
    const datasetId = await newDataset(server, organization)
    const client = clientOf(options)
    const open = async (follow: Follow<unknown>) => {
      await follow.next()
      return { follow, waiting: follow.next() }
    }
    const left = await open(client.follow({ datasetId }))
    const { signal } = new AbortController()
    const aborting = new AbortController()
    const aborted = await open(client.follow({ datasetId, signal: AbortSignal.any([aborting.signal, signal]) }))
    const closed = await open(client.follow({ datasetId }))
    await server.followers(3)
    expect(await left.follow.return()).toEqual({ done: true, value: undefined })
    expect(await left.waiting).toEqual({ done: true, value: undefined })
    await server.followers(2)
    aborting.abort(new Error('Enough'))
    await expect(aborted.waiting).rejects.toThrow('Enough')
    await server.followers(1)
    const connecting = client.follow({ datasetId })
    const first = connecting.next()
    await connecting.return()
    expect(await first).toEqual({ done: true, value: undefined })
    await Promise.all([client.close(), expect(closed.waiting).rejects.toThrow('closed')])
    await server.followers(0)
    expect(() => client.follow({ datasetId })).toThrow('closed')
  })

  test('an application that reads slowly ends the subscription meanwhile, and misses nothing', async () => {
    const datasetId = await newDataset(server, organization)
    const text = 'x'.repeat(500_000)
    for (let i = 0; i < 6; i++) await recordWorkerEvents(server, datasetId, started(6, 'ETL_STARTED', { text }))
    const follow = clientOf(options).follow({ datasetId, from: 'BEGINNING', maxEvents: 2 })
    const seen = await take(follow, 2)
    // More waits for the application than it may.
    await server.followers(0)
    expect([...seen, ...(await take(follow, 34))]).toEqual(upTo(36))
    await server.followers(1)
    await follow.return()
  })

  test('events that are removed before they are read are an error with the position to continue from', async () => {
    const datasetId = await newDataset(server, organization)
    await recordWorkerEvents(server, datasetId, started(4))
    const client = clientOf(options)
    const first = client.follow({ datasetId, from: 'BEGINNING', maxEvents: 1 })
    await take(first, 1)
    await first.return()
    await keepInDataset(server, datasetId, { maxEvents: 2 })
    await until(async () => (await keptIn(server, datasetId)) === 2)
    const second = client.follow({ datasetId, after: first.cursor })
    const error: TidemarkError = await second.next().then(
      () => expect.fail('Passed over events'),
      (error) => error,
    )
    expect(error).toMatchObject({
      name: 'TidemarkError',
      code: 'CURSOR_EXPIRED',
      details: { reason: 'EVENTS_REMOVED' },
    })
    const third = client.follow({ datasetId, after: String(error.details.earliest) })
    expect(await take(third, 2)).toEqual([3, 4])
    const none = client.follow({ datasetId: organization })
    await expect(none.next()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a report is waited for, and following it ends with it', async () => {
    const reportId = await newReport(server, organization)
    const client = clientOf(options)
    const end = client.waitForReport(reportId)
    await server.followers(1)
    await client.record({ reportId }, [
      { state: { state: 'GENERATING', message: 'Started' } },
      { progress: { variant: 'SUMMARIZE', message: 'Half' } },
      { state: { state: 'ERROR', message: 'No' } },
    ])
    expect(await end).toMatchObject({ __typename: 'StateEvent', seq: 3, state: 'ERROR', message: 'No' })
    const kinds: string[] = []
    for await (const { edges } of client.follow({ reportId, from: 'BEGINNING' }))
      kinds.push(...edges.map(({ node }) => node.__typename))
    expect(kinds).toEqual(['StateEvent', 'ProgressEvent', 'StateEvent'])
  })
})

test('Where WebSockets do not pass, or there are none, server-sent events are used', async () => {
  const datasetId = await newDataset(server, organization)
  await recordWorkerEvents(server, datasetId, started(2))
  const refused = await withoutUpgrades(server.url)
  const follow = clientOf({ url: refused.url, webSocket: WebSocket }).follow({ datasetId, from: 'BEGINNING' })
  expect(await take(follow, 2)).toEqual([1, 2])
  expect(refused.count()).toBe(1)
  const { WebSocket: own } = globalThis as { WebSocket?: unknown }
  if (!own) expect(await take(clientOf({}).follow({ datasetId, tail: 1 }), 1)).toEqual([2])
})

const KEYS = 'query ($organization: UUID!) { apiKeys(organizationId: $organization, first: 2) { nodes { id } } }'

/** An address of the server at which WebSockets break before they open. */
async function withoutUpgrades(url: string): Promise<{ url: string; count(): number }> {
  let count = 0
  const proxy = createServer((client) => {
    client.on('error', () => undefined)
    client.once('data', (head) => {
      if (/upgrade: websocket/i.test(head.toString('latin1'))) {
        count++
        client.destroy()
        return
      }
      const upstream = connect(Number(new URL(url).port), '127.0.0.1')
      upstream.on('error', () => client.destroy()).write(head)
      client.pipe(upstream).pipe(client)
      client.once('close', () => upstream.destroy())
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, count: () => count }
}
