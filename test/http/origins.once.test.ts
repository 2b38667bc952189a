import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { tidemark } from '../support/process.ts'
import { startServer, type TestServer } from '../support/server.ts'

const APP = 'https://app.example'

let closed: TestServer
let listed: TestServer
let open: TestServer

beforeAll(async () => {
  closed = await startServer({ LOG_LEVEL: 'info' })
  listed = await startServer({ CORS_ORIGINS: `${APP}, http://localhost:5173`, LOG_LEVEL: 'info' })
  open = await startServer({ CORS_ORIGINS: '*' })
})
afterAll(async () => {
  for (const server of [closed, listed, open]) await server[Symbol.asyncDispose]()
})

describe('CORS on /graphql', () => {
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  }

  /** The response headers for a page of that origin, for the preflight and the request. */
  async function answers({ url }: TestServer, origin: string): Promise<Headers[]> {
    const before = await fetch(`${url}/graphql`, { method: 'OPTIONS', headers: { origin, ...preflight } })
    const body = JSON.stringify({ query: '{ __typename }' })
    const headers = { origin, 'content-type': 'application/json' }
    const asked = await fetch(`${url}/graphql`, { method: 'POST', headers, body })
    expect([before.status, asked.status]).toEqual([204, 200])
    return [before.headers, asked.headers]
  }

  const granted = (headers: Headers[]) => headers.map((each) => each.get('access-control-allow-origin'))

  test('allows no origin by default', async () => {
    for (const origin of [APP, 'null', closed.url]) expect(granted(await answers(closed, origin))).toEqual([null, null])
  })

  test('allows the origins of CORS_ORIGINS, echoes each, and allows no credentials', async () => {
    for (const origin of [APP, 'http://localhost:5173']) {
      const [before, asked] = await answers(listed, origin)
      expect(Object.fromEntries(before ?? [])).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization,content-type',
        'access-control-max-age': '3600',
        vary: expect.stringContaining('Origin'),
      })
      expect(asked?.get('access-control-allow-origin')).toBe(origin)
      expect(asked?.get('vary')).toContain('Origin')
      expect(before?.has('access-control-allow-credentials')).toBe(false)
      expect(asked?.has('access-control-allow-credentials')).toBe(false)
    }
  })

  test('allows no origin that only resembles them', async () => {
    for (const origin of ['http://app.example', `${APP}:8443`, `${APP}.evil.example`, 'https://app', 'null', '*'])
      expect(granted(await answers(listed, origin))).toEqual([null, null])
  })

  test('allows any origin with *', async () => {
    for (const origin of [APP, 'null']) expect(granted(await answers(open, origin))).toEqual([origin, origin])
  })
})

describe('CORS on the legacy routes', () => {
  const routes = [
    ['POST', '/api/dataset/events'],
    ['POST', '/api/events'],
    ['GET', '/api/v1/reports/00000000-0000-4000-8000-000000000000/events'],
  ] as const

  /** The allowed origin for a page of that origin, for the preflight and the request, on each route. */
  async function granted({ url }: TestServer, origin: string): Promise<(string | null)[]> {
    const answers = routes.flatMap(([method, path]) => [
      fetch(url + path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method } }),
      fetch(url + path, { method, headers: { origin } }),
    ])
    return (await Promise.all(answers)).map(({ headers }) => headers.get('access-control-allow-origin'))
  }

  test('allows any origin by default, as the original APIs do, and with *', async () => {
    for (const server of [closed, open])
      for (const origin of [APP, 'null']) expect(await granted(server, origin)).toEqual(Array(6).fill(origin))
  })

  test('allows only the origins of CORS_ORIGINS if there are any', async () => {
    expect(await granted(listed, APP)).toEqual(Array(6).fill(APP))
    for (const origin of ['https://other.example', `${APP}:8443`, 'null'])
      expect(await granted(listed, origin)).toEqual(Array(6).fill(null))
  })
})

describe('A WebSocket', () => {
  /** The status of the response to an upgrade by a page of that origin; 101 when it becomes a socket. */
  async function status({ url }: TestServer, origin?: string, host?: string): Promise<number> {
    const headers = host === undefined ? undefined : { host }
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { origin, headers })
    onTestFinished(() => socket.terminate())
    const rejected = once(socket, 'unexpected-response').then(([, { statusCode }]) => statusCode as number)
    return Promise.race([rejected, once(socket, 'upgrade').then(() => 101)])
  }

  test('is opened without an Origin, as programs do', async () => {
    expect(await status(closed)).toBe(101)
  })

  test('is opened for the pages of the server itself, also behind TLS', async () => {
    expect(await status(closed, closed.url)).toBe(101)
    expect(await status(closed, 'https://events.example', 'events.example')).toBe(101)
    expect(await status(closed, 'https://events.example', 'events.example:443')).toBe(101)
    expect(await status(closed, 'https://events.example', 'Events.Example')).toBe(101)
  })

  test('is rejected for pages of other origins before the handshake', async () => {
    const { port } = new URL(closed.url)
    const foreign = [APP, 'null', 'http://127.0.0.1', `http://localhost:${port}`, 'file://', 'nonsense', '*']
    for (const origin of foreign) expect([origin, await status(closed, origin)]).toEqual([origin, 403])
    expect(await status(closed, 'https://events.example', 'events.example:8443')).toBe(403)
    expect(await status(closed, 'null', 'null')).toBe(403)
  })

  test('is rejected for origins that resemble that of the server', async () => {
    const { host } = new URL(closed.url)
    for (const origin of [`chrome-extension://${host}`, `http://evil@${host}`, `${closed.url}/`, `HTTP://${host}`])
      expect([origin, await status(closed, origin)]).toEqual([origin, 403])
    for (const odd of ['x/y', 'evil@x', 'x?y', 'x#y']) expect(await status(closed, 'http://x', odd)).toBe(403)
  })

  test('is opened for the origins of CORS_ORIGINS', async () => {
    expect(await status(listed, APP)).toBe(101)
    expect(await status(listed, listed.url)).toBe(101)
    expect(await status(listed, 'https://other.example')).toBe(403)
    expect(await status(open, 'https://other.example')).toBe(101)
  })
})

describe('The operator learns which setting would allow a page,', () => {
  /** The origins that a server has logged as refused. */
  const logged = ({ log }: TestServer) =>
    log.filter(({ msg }) => msg.includes('CORS_ORIGINS')).map(({ origin }) => origin)
  const ask = ({ url }: TestServer, origin: string, path = '/graphql', method = 'OPTIONS') =>
    fetch(url + path, { method, headers: { origin } })

  test('once for each origin, on every route and transport', async () => {
    const [http, socket, rest] = ['https://one.example', 'https://two.example', 'https://three.example']
    for (let i = 0; i < 2; i++) {
      await ask(closed, http)
      await ask(closed, closed.url)
      const refused = await fetch(`${closed.url}/graphql`, { headers: { origin: closed.url } })
      expect(refused.headers.has('access-control-allow-origin')).toBe(false)
      const client = new WebSocket(`${closed.url.replace('http', 'ws')}/graphql`, { origin: socket })
      const [, response] = await once(client, 'unexpected-response')
      expect(JSON.parse((await response.toArray()).join('')).message).toContain('CORS_ORIGINS')
      client.on('error', () => undefined).terminate()
      await ask(listed, rest, '/api/dataset/events', 'POST')
    }
    const found = logged(closed).filter((origin) => [http, socket, closed.url].includes(origin))
    expect(found).toEqual([http, socket])
    expect(logged(listed).filter((origin) => [rest, APP].includes(origin))).toEqual([rest])
  })

  test('for so many of them that a client cannot fill the log', async () => {
    const origins = Array.from({ length: 120 }, (_, i) => `https://${i}.example/${'x'.repeat(1_000)}`)
    for (const origin of origins) await ask(closed, origin)
    expect(logged(closed)).toHaveLength(100)
    expect(Math.max(...logged(closed).map((origin) => origin.length))).toBe(200)
  })
})

test.each([
  'app.example',
  `${APP}/`,
  `${APP}/path`,
  'HTTPS://app.example',
  'null',
  'file://',
  `${APP},`,
  `${APP} ${APP}`,
])('CORS_ORIGINS=%s stops the start', async (CORS_ORIGINS) => {
  const { exited, output } = tidemark(['serve'], { CORS_ORIGINS })
  expect(await exited).toBe(1)
  expect(output.stderr).toMatch(/^Invalid settings:\n {2}CORS_ORIGINS must be browser origins .*\n$/)
})
