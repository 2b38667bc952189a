import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { haproxy, haproxyInstalled, rawRequest } from '../support/haproxy.ts'
import type { ProxyProgram } from '../support/proxy-program.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { graphql, startServer, type TestServer } from '../support/server.ts'

/** Requests per minute of one address without a valid key. */
const UNAUTHENTICATED = 5

const SETTINGS = { TRUSTED_PROXIES: 'loopback', REQUESTS_PER_MINUTE: String(UNAUTHENTICATED * 10) }

let generous: TestServer
let server: TestServer
let key: string
let dataset: string
let report: string

beforeAll(async () => {
  generous = await startServer()
  const organization = await newOrganization(generous)
  key = await newKey(generous, organization)
  dataset = await newDataset(generous, organization)
  report = await newReport(generous, organization)
  server = await startServer(SETTINGS)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await generous[Symbol.asyncDispose]()
})

const body = '{"query":"{ __typename }"}'

/** Sends a request without a key. */
function ask(url: string, headers: string[] = [], from = '127.0.0.1'): Promise<number> {
  return rawRequest(url, ['POST /graphql HTTP/1.1', 'Content-Type: application/json', ...headers], body, from)
}

async function answered(count: number, send: (i: number) => Promise<number>): Promise<number> {
  let answered = 0
  for (let i = 0; i < count; i++) if ((await send(i)) === 200) answered++
  return answered
}

describe('The address given by a trusted proxy', () => {
  test('is counted, and addresses that the client wrote before it are not', async () => {
    const forged = (i: number) => ask(server.url, [`X-Forwarded-For: 203.0.113.${i}, 198.51.100.1`])
    expect(await answered(UNAUTHENTICATED + 3, forged)).toBe(UNAUTHENTICATED)
    expect(await ask(server.url, ['X-Forwarded-For: 198.51.100.2'])).toBe(200)
  })

  test('is counted for WebSockets without a key', async () => {
    const sockets: WebSocket[] = []
    const small = await startServer({ TRUSTED_PROXIES: '127.0.0.0/8', MAX_SOCKETS_PER_KEY: '1' })
    const upgrade = (address: string) => {
      const socket = new WebSocket(`${small.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
        headers: { 'x-forwarded-for': address },
      })
      sockets.push(socket)
      return new Promise<string>((resolve) => {
        socket.once('open', () => resolve('open')).once('error', ({ message }) => resolve(message))
      })
    }
    expect(await upgrade('198.51.100.1')).toBe('open')
    expect(await upgrade('198.51.100.1')).toContain('429')
    expect(await upgrade('198.51.100.2')).toBe('open')
    for (const socket of sockets) socket.terminate()
    await small[Symbol.asyncDispose]()
  })

  test('is ignored without the setting', async () => {
    await using plain = await startServer({ REQUESTS_PER_MINUTE: String(UNAUTHENTICATED * 10) })
    const forged = (i: number) => ask(plain.url, [`X-Forwarded-For: 203.0.113.${i}`])
    expect(await answered(UNAUTHENTICATED + 3, forged)).toBe(UNAUTHENTICATED)
  })
})

describe('Metrics', () => {
  const SPELLINGS = ['/metrics', '//metrics', '/%6detrics', '/./metrics', '/x/../metrics']

  test.each(SPELLINGS)('%s are available to local clients without a proxy, and to root', async (path) => {
    const get = (...headers: string[]) => rawRequest(generous.url, [`GET ${path} HTTP/1.1`, ...headers])
    expect(await get()).toBe(200)
    expect(await get('X-Forwarded-For: 127.0.0.1')).toBe(403)
    expect(await get('Forwarded: for=127.0.0.1')).toBe(403)
    expect(await get('X-Forwarded-For: 127.0.0.1', `Authorization: Bearer ${key}`)).toBe(403)
    expect(await get('X-Forwarded-For: 127.0.0.1', `Authorization: Bearer ${generous.rootKey}`)).toBe(200)
  })
})

describe.skipIf(!haproxyInstalled)('The shipped configuration of HAProxy', () => {
  let behind: TestServer
  let proxy: ProxyProgram
  beforeAll(async () => {
    // Its database, with what was created there; an embedded one can be open once.
    await generous[Symbol.asyncDispose]()
    behind = await startServer({ ...generous.env, ...SETTINGS })
    proxy = await haproxy(behind.url)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await behind[Symbol.asyncDispose]()
  })

  test('forwards the public paths', async () => {
    expect(await graphql(proxy.url, '{ __typename }', {}, key)).toEqual({ data: { __typename: 'Query' } })
    const bearer = `Authorization: Bearer ${key}`
    const trieve = [bearer, `TR-Dataset: ${dataset}`, 'Content-Type: application/json']
    for (const path of ['/api/dataset/events', '/api/events', '//api/dataset/events'])
      expect(await rawRequest(proxy.url, [`POST ${path} HTTP/1.1`, ...trieve], '{}')).toBe(200)
    for (const path of [`/api/v1/reports/${report}/events`, `/api/v1/reports/${report}/events/?last_sequence=0`])
      expect(await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, bearer])).toBe(200)
    for (const path of ['/openapi.json', '/healthz'])
      expect(await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, bearer])).toBe(200)
    // Whichever is active.
    expect([200, 503]).toContain(await rawRequest(proxy.url, ['GET /readyz HTTP/1.1']))
  })

  test.each([
    '/metrics',
    '//metrics',
    '/%6detrics',
    '/./metrics',
    '/x/../metrics',
    '/graphql/../metrics',
    '/api/v1/reports/../../../metrics',
    '/api/v1/reports/%2e%2e/../metrics',
  ])('forwards no %s, not even for root', async (path) => {
    const lines = [`GET ${path} HTTP/1.1`, `Authorization: Bearer ${behind.rootKey}`]
    expect(await rawRequest(proxy.url, lines)).toBe(404)
  })

  test('forwards the address of the client, so that clients do not share a limit', async () => {
    const flood = (i: number) => ask(proxy.url, [`X-Forwarded-For: 203.0.113.${i}`], '127.0.0.2')
    expect(await answered(UNAUTHENTICATED + 3, flood)).toBe(UNAUTHENTICATED)
    expect(await ask(proxy.url, [], '127.0.0.3')).toBe(200)
    const headers = [`Authorization: Bearer ${key}`]
    expect(await ask(proxy.url, headers, '127.0.0.2')).toBe(200)
  })
})
