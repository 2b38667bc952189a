import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { samples } from '../support/metrics.ts'
import { serve } from '../support/process.ts'
import { PONG, raw, request, upgrade } from '../support/raw.ts'
import { newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import { graphql, metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const ROOT = 'test-root-api-key'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ MAX_SOCKETS_PER_KEY: '1', KEEP_ALIVE_SECONDS: '2' })
})
afterAll(() => server[Symbol.asyncDispose]())

const page = request('/graphql', { accept: 'text/html', 'accept-encoding': 'gzip' })

describe('A connection that the server has ended is closed even if its client keeps it open:', () => {
  test.each([
    ['404', upgrade('/nowhere')],
    ['403', upgrade('/graphql', { origin: 'https://elsewhere.example' })],
    ['400', upgrade('/graphql', { 'sec-websocket-version': '7' })],
  ])('a WebSocket rejected with %s', async (status, bytes) => {
    const client = await raw(server.url)
    client.send(bytes)
    expect(await client.read(/\r\n\r\n/)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    await client.broken()
  })

  test('a WebSocket without connection_init, and one rejected with 429 meanwhile', async () => {
    const mute = await raw(server.url)
    mute.send(upgrade('/graphql'))
    await mute.read(/^HTTP\/1.1 101 /)
    const rejected = await raw(server.url)
    rejected.send(upgrade('/graphql'))
    expect(await rejected.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 429 /)
    await rejected.broken()
    // 4408, in the close frame.
    await mute.read(/Connection initialisation timeout/)
    await mute.broken(PONG)
    const next = await raw(server.url)
    next.send(upgrade('/graphql'))
    expect(await next.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /)
  })

  test('one whose HTTP/2 upgrade was ignored', async () => {
    const client = await raw(server.url)
    client.send(request('/healthz', { connection: 'Upgrade', upgrade: 'h2c' }))
    expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 200 /)
    // Earlier output would keep it alive.
    await until(() => client.socket.readableEnded)
    await client.broken()
  })
})

test('Pipelined requests are processed one after the other, in order, with any bodies', async () => {
  const client = await raw(server.url)
  const paths = Array.from({ length: 300 }, (_, i) => `/nowhere/${i}`)
  const requests = paths.map((path, i) =>
    request(path, { 'x-request-id': `${i}` }, i % 3 ? undefined : 'x'.repeat(3_000)),
  )
  for (const bytes of requests) client.send(bytes)
  client.send(request('/graphql', { connection: 'Upgrade', upgrade: 'h2c', 'x-request-id': 'offer' }))
  client.send(request('/healthz', { 'x-request-id': 'last' }))
  const text = await client.read(/x-request-id: last\r\n/)
  const answers = [...text.matchAll(/^x-request-id: (.*)\r$/gm)].map(([, id]) => id)
  expect(answers).toEqual([...paths.map((_, i) => `${i}`), 'offer', 'last'])
})

test('A connection with too many pipelined requests is closed', async () => {
  const before = (await samples(server.url)).get('tidemark_connections_broken_total{reason="pipelined"}') ?? 0
  const client = await raw(server.url)
  client.send(page.repeat(500))
  await client.broken()
  expect(await samples(server.url)).toContainEqual([
    'tidemark_connections_broken_total{reason="pipelined"}',
    before + 1,
  ])
})

test('Many ignored upgrades on one connection leave nothing behind, and every line of the log is JSON', async () => {
  const process = await serve({ ...(await freshDatabase()), LOG_LEVEL: 'info' })
  onTestFinished(() => void process.child.kill('SIGKILL'))
  const client = await raw(process.url)
  for (let i = 0; i < 30; i++) {
    client.send(request('/healthz', { connection: 'Upgrade', upgrade: 'h2c', 'x-request-id': `${i}` }))
    await client.read(new RegExp(`x-request-id: ${i}\r\n`))
  }
  process.child.kill('SIGTERM')
  expect(await process.exited).toBe(0)
  // Each line is JSON.
  const lines = process.output.stderr.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).msg)).not.toContain('Node.js warning')
})

test('SIGTERM exits 0 although clients keep their connections open and read nothing', async () => {
  const process = await serve(await freshDatabase())
  onTestFinished(() => void process.child.kill('SIGKILL'))
  const clients = await Promise.all(Array.from({ length: 4 }, () => raw(process.url)))
  const [rejected, answered, mute, asking] = clients
  rejected?.send(upgrade('/nowhere'))
  await rejected?.read(/ 404 /)
  mute?.send(upgrade('/graphql'))
  await mute?.read(/ 101 /)
  // More than the system buffers for a client that does not read.
  answered?.send(page.repeat(20))
  asking?.send('GET /graphql HTTP/1.1\r\n')
  await until(async () => (await metric(process.url, 'tidemark_unsent_bytes')) > 1_000_000)
  process.child.kill('SIGTERM')
  expect(await process.exited).toBe(0)
  expect(process.output.stderr).toBe('')
})

test('While one caller keeps the server busy, new connections are accepted without delay', async () => {
  const other = await serve(await freshDatabase())
  onTestFinished(() => void other.child.kill('SIGKILL'))
  const ask = {
    graphql: (query: string, variables?: object) => graphql(other.url, query, variables, ROOT),
  } as TestServer
  const report = await newReport(ask, await newOrganization(ask))
  for (let first = 0; first < 3_000; first += 1_000) {
    const idxs = Array.from({ length: 1_000 }, (_, i) => first + i)
    await recordReportEvents(
      ask,
      report,
      idxs.map((idx) => ({ blockUpdate: { block: { idx, template: '' } } })),
    )
  }
  const names = Array.from(
    { length: 14 },
    (_, i) => `a${i}: blocks { node { block { idx template requiresHumanReview } } }`,
  )
  const query = `{ report(id: "${report}") { snapshot { ${names.join(' ')} } } }`
  let underWay = 3
  const long = Array.from({ length: underWay }, () =>
    fetch(`${other.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ROOT}` },
      body: JSON.stringify({ query }),
    }),
  )
  const read = long.map(async (answer) => {
    const text = await (await answer).text()
    underWay--
    return text
  })
  // From here on one response is being written, and the others are prepared.
  await Promise.race(long)
  const { hostname, port } = new URL(other.url)
  const crowd = Array.from({ length: 400 }, () => connect(Number(port), hostname))
  onTestFinished(() => {
    for (const socket of crowd) socket.destroy()
  })
  const fresh = await raw(other.url)
  fresh.send(request('/healthz'))
  expect(await fresh.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 200 /)
  expect(underWay).toBeGreaterThan(0)
  for (const text of await Promise.all(read)) expect(JSON.parse(text)).not.toHaveProperty('errors')
})
