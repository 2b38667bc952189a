import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import WebSocket from 'ws'
import { createClient, type TidemarkError } from '../../src/client/client.ts'
import { newDataset, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'

// What stands between an application and its server, and mistakes of the application.

let server: TestServer
let datasetId: string

beforeAll(async () => {
  server = await startServer()
  datasetId = await newDataset(server, await newOrganization(server))
})
afterAll(() => server[Symbol.asyncDispose]())

const started = (text: string) => ({ eventType: 'ETL_STARTED', eventData: { text } }) as const

test('An address that is none of a server is refused at once', () => {
  for (const url of ['localhost:4000', 'ws://localhost', 'http://user:password@localhost', 'http://localhost/#x', ''])
    expect(() => createClient({ url, key: server.rootKey })).toThrow(TypeError)
})

test('A key that no request can have fails at once, and no message has it', async () => {
  for (const key of ['it’s-secret', 'its\nsecret', 'its-secret\n']) {
    const client = createClient({ url: server.url, key, webSocket: null })
    for (const work of [client.record({ datasetId }, [started('')]), client.follow({ datasetId }).next()])
      await expect(work).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message: expect.not.stringContaining('secret'),
      })
  }
})

test('A key that never comes keeps neither what is recorded nor the client', async () => {
  const client = createClient({ url: server.url, key: () => new Promise<string>(() => undefined) })
  const aborting = new AbortController()
  const recording = client.record({ datasetId }, [started('')], aborting)
  aborting.abort(new Error('Enough'))
  await expect(recording).rejects.toThrow('Enough')
  await client.close()
})

test('A proxy that refuses large requests gets smaller ones, and no call fails with another', async () => {
  const most = 300_000
  const proxy = await frontOf(server.url, (request, response) => {
    if (Number(request.headers['content-length']) <= most) return false
    response.writeHead(413, { 'content-type': 'text/html' }).end('<h1>413</h1>')
    return true
  })
  await using client = createClient({ url: proxy, key: server.rootKey })
  const calls = [1, 2, 3, 4].map((n) => client.record({ datasetId }, [started(`${n}`), started('x'.repeat(200_000))]))
  const tooLarge = client.record({ datasetId }, [started('x'.repeat(most))])
  const outcomes = (await Promise.all(calls)).flat().map(({ outcome }) => outcome)
  expect(outcomes).toEqual(Array.from({ length: 8 }, () => 'RECORDED'))
  await expect(tooLarge).rejects.toMatchObject({ code: 'REQUEST_ENTITY_TOO_LARGE', details: { results: [] } })
})

test('A proxy that redirects is an error that says where to, and no request follows without its key or body', async () => {
  let reached = 0
  const elsewhere = await frontOf(server.url, () => {
    reached++
    return false
  })
  for (const status of [301, 302, 307, 308]) {
    const proxy = await frontOf(server.url, ({ url }, response) => {
      response.writeHead(status, { location: `${elsewhere}${url}?state=secret` }).end()
      return true
    })
    const client = createClient({ url: proxy, key: server.rootKey, webSocket: null })
    for (const work of [client.record({ datasetId }, [started('')]), client.follow({ datasetId }).next()])
      await expect(work).rejects.toMatchObject({
        code: 'BAD_REQUEST',
        message: `${proxy}/graphql redirects to ${elsewhere}/graphql. Use that of the server.`,
      })
  }
  expect(reached).toBe(0)
})

test('A response that lacks results is asked for again, and no event is taken for recorded', async () => {
  let requests = 0
  const proxy = await frontOf(server.url, (_request, response) => {
    if (requests++ > 0) return false
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ data: { result: { results: [] } } }))
    return true
  })
  await using client = createClient({ url: proxy, key: server.rootKey })
  expect(await client.record({ datasetId }, [started('a'), started('b')])).toHaveLength(2)
  expect(requests).toBe(2)
})

test('An internal error after temporary ones is one of the first, not one too many', async () => {
  // Without delays.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  onTestFinished(() => void vi.restoreAllMocks())
  const failures = [503, 503, 503, 503, 503, 500]
  const proxy = await frontOf(server.url, (_request, response) => {
    const status = failures.shift()
    if (status === undefined) return false
    const errors = [{ message: 'Failed', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]
    response.writeHead(status).end(status === 500 ? JSON.stringify({ errors }) : '')
    return true
  })
  const retried: TidemarkError[] = []
  await using client = createClient({ url: proxy, key: server.rootKey, onRetry: (error) => retried.push(error) })
  expect(await client.record({ datasetId }, [started('')])).toMatchObject([{ outcome: 'RECORDED' }])
  expect(retried.at(-1)?.code).toBe('INTERNAL_SERVER_ERROR')
})

test('More subscriptions than a socket may have are all served', async () => {
  const retried: TidemarkError[] = []
  await using client = createClient({
    url: server.url,
    key: server.rootKey,
    webSocket: WebSocket,
    onRetry: (error) => retried.push(error),
  })
  const follows = Array.from({ length: 120 }, () => client.follow({ datasetId }))
  await Promise.all(follows.map((follow) => follow.next()))
  expect(retried).toEqual([])
})

test('A class of WebSockets that throws leaves server-sent events', async () => {
  class Forbidden extends WebSocket {
    constructor() {
      super('ftp://')
    }
  }
  await recordWorkerEvents(server, datasetId, [started('newest')])
  await using client = createClient({ url: server.url, key: server.rootKey, webSocket: Forbidden })
  const { value } = await client.follow({ datasetId, tail: 1 }).next()
  expect(value?.edges).toMatchObject([{ node: { eventData: { text: 'newest' } } }])
})

/** A proxy that answers some requests itself. */
async function frontOf(
  url: string,
  answer: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<string> {
  const proxy = createServer(async (request, response) => {
    const body: Buffer[] = []
    for await (const chunk of request) body.push(chunk)
    if (answer(request, response)) return
    const { authorization = '' } = request.headers
    const headers = { 'content-type': 'application/json', authorization }
    const upstream = await fetch(`${url}/graphql`, { method: 'POST', headers, body: Buffer.concat(body) })
    response.writeHead(upstream.status, { 'content-type': 'application/json' }).end(await upstream.text())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}
