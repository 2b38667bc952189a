import { once } from 'node:events'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { samples } from '../support/metrics.ts'
import { serve } from '../support/process.ts'
import { raw, request } from '../support/raw.ts'
import { newKey, newOrganization, newReport, RECORD_REPORT_EVENTS, recordReportEvents } from '../support/seed.ts'
import { expectData, graphql, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let organization: string
let report: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  report = await newReport(server, organization)
  // Three pages: the server reads the second one while the first one fills the socket buffers of both sides.
  const states = Array.from({ length: 4 }, () => ({ state: { message: 'x'.repeat(1_000_000), state: 'GENERATING' } }))
  for (let i = 0; i < 10; i++) await recordReportEvents(server, report, states)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Requests the list, and reads on after the first bytes only when something has happened to the server. */
async function cutOffBy(happen: (key: string) => Promise<unknown>): Promise<string> {
  const key = await newKey(server, organization)
  const client = await raw(server.url)
  client.send(request(`/api/v1/reports/${report}/events`, { authorization: `Bearer ${key}` }))
  client.socket.once('data', () => client.socket.pause()).resume()
  await once(client.socket, 'pause')
  await happen(key)
  const text = await client.read(/\r\n0\r\n\r\n$/)
  await client.broken()
  return text
}

const CALLS = 'tidemark_requests_total{transport="llamacloud",outcome="'

async function counted(): Promise<Record<string, number>> {
  const all = [...(await samples(server.url))].filter(([name]) => name.startsWith(CALLS))
  return Object.fromEntries(all.map(([name, count]) => [name.slice(CALLS.length, -2), count]))
}

const REVOKE_ALL = 'UPDATE api_key SET revoked_at = now() WHERE organization_id IS NOT NULL'

test.runIf(inject('mode') === 'postgres').each<[string, string, string, string, string | undefined]>([
  ['the end of its key', 'UNAUTHENTICATED', REVOKE_ALL, '', undefined],
  [
    'a key that cannot be verified',
    'UNAVAILABLE',
    'ALTER TABLE api_key RENAME TO moved',
    'ALTER TABLE moved RENAME TO api_key',
    undefined,
  ],
  [
    'an error',
    'INTERNAL_SERVER_ERROR',
    'ALTER TABLE stream RENAME TO moved',
    'ALTER TABLE moved RENAME TO stream',
    'unexpected error',
  ],
])('A list that ends early because of %s breaks, and is counted as %s', async (_, outcome, sql, undo, line) => {
  const [before, logged] = [await counted(), server.log.length]
  const text = await cutOffBy(() => runSql(server.env, sql))
  if (undo) await runSql(server.env, undo)
  expect(text).not.toMatch(/\]\r\n0\r\n\r\n$/)
  await until(async () => (await counted())[outcome] === (before[outcome] ?? 0) + 1)
  expect((await counted()).ok).toBe(before.ok)
  const lines = server.log.slice(logged).filter(({ requestId }) => requestId)
  expect(lines.map(({ msg }) => msg)).toEqual(line ? [line] : [])
})

/** A server with little memory, and a report with events of a size. */
async function smallServer(options: string, events: number, length: number) {
  const { url, child, exited } = await serve({ ...(await freshDatabase()), NODE_OPTIONS: options })
  const key = 'test-root-api-key'
  const small = { graphql: (query: string, variables?: object) => graphql(url, query, variables, key) } as TestServer
  const id = await newReport(small, await newOrganization(small))
  const batch = Math.floor(2_000_000 / length)
  for (let i = 0; i < events; i += batch) {
    const given = Array.from({ length: Math.min(batch, events - i) }, (_, n) => ({
      state: { message: `${i + n} ${'x'.repeat(length)}`, state: 'GENERATING' },
    }))
    expectData(await small.graphql(RECORD_REPORT_EVENTS, { id, events: given }))
  }
  return {
    graphql: small.graphql,
    id,
    list: (search = '') =>
      fetch(`${url}/api/v1/reports/${id}/events${search}`, { headers: { authorization: `Bearer ${key}` } }),
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
    },
  }
}

test('A list contains every event even if a page of it exceeds the memory of a caller', async () => {
  await using small = await smallServer('--max-old-space-size=128', 1_000, 14_000)
  const query =
    'query ($id: UUID!) { reportEvents(reportId: $id, first: 1000) { nodes { ... on StateEvent { message } } } }'
  const { errors } = await small.graphql(query, { id: small.id })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  const response = await small.list()
  expect(response.status).toBe(200)
  const events = (await response.json()) as { event_data: { msg: string } }[]
  const numbers = events.map(({ event_data }) => Number(event_data.msg.split(' ')[0]))
  expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
})

test('A report whose events exceed the memory of a caller one by one is not reported as missing', async () => {
  await using small = await smallServer('--max-old-space-size=64 --max-semi-space-size=1', 2, 1_000_000)
  const response = await small.list()
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ detail: 'The server has too little memory to read an event of this report.' })
})
