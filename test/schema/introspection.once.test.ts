import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { tidemark } from '../support/process.ts'
import { type Result, startServer, type TestServer } from '../support/server.ts'

let servers: Record<'development' | 'production' | 'off' | 'on', TestServer>

beforeAll(async () => {
  servers = {
    development: await startServer(),
    production: await startServer({ NODE_ENV: 'production' }),
    off: await startServer({ INTROSPECTION: 'off', GRAPHIQL: 'off' }),
    on: await startServer({ NODE_ENV: 'production', INTROSPECTION: 'on', GRAPHIQL: 'on' }),
  }
})
afterAll(async () => {
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]()
})

type Door = (server: TestServer, query: string, variables?: Record<string, unknown>) => Promise<Result>

const overHttp: Door = (server, query, variables) => server.graphql(query, variables)

const overSse: Door = async ({ url, rootKey }, query, variables) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rootKey}`, accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  return JSON.parse(/^data: ?(.+)$/m.exec(await response.text())?.[1] ?? '')
}

const overWebSocket: Door = ({ url, rootKey }, query, variables) => {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${rootKey}` },
  })
  onTestFinished(() => void client.dispose())
  return new Promise((resolve, reject) => {
    client.subscribe(
      { query, variables },
      {
        next: (result) => resolve(result as Result),
        error: (errors) => (Array.isArray(errors) ? resolve({ data: undefined, errors } as never) : reject(errors)),
        complete: () => {},
      },
    )
  })
}

const SCHEMA = '{ __schema { queryType { name } } }'

/** Operations with a typo, for each of which graphql has a suggestion. */
const SLIPS: [string, Record<string, unknown>?][] = [
  ['{ workerEvent { totalCount } }'],
  ['query ($id: UUIDD!) { report(id: $id) { id } }'],
  ['{ report(ids: "x") { id } }'],
  ['{ reportEvents(reportId: "00000000-0000-0000-0000-000000000000") { nodes { message } } }'],
  ['{ workerEvents(datasetId: "00000000-0000-0000-0000-000000000000", order: NEWEST_FIRS) { totalCount } }'],
  ['subscription { workerEvents(datasetId: "00000000-0000-0000-0000-000000000000", from: NOWW) { cursor } }'],
  ['mutation { createOrganization(input: { nam: "x" }) { id } }'],
  [
    'query ($order: EventOrder) { workerEvents(datasetId: "00000000-0000-0000-0000-000000000000", order: $order) { ' +
      'totalCount } }',
    { order: 'NEWEST_FIRS' },
  ],
  [
    'mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { id } }',
    { input: { name: 'x', nam: 'x' } },
  ],
]

describe.each<[string, Door]>([
  ['HTTP', overHttp],
  ['server-sent events', overSse],
  ['a WebSocket', overWebSocket],
])('Over %s', (_name, ask) => {
  test('the schema can be queried where introspection is on', async () => {
    for (const server of [servers.development, servers.on])
      expect(await ask(server, SCHEMA)).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } })
  })

  test('the schema cannot be queried where introspection is off, the default in production', async () => {
    for (const server of [servers.production, servers.off]) {
      for (const query of [
        SCHEMA,
        '{ __type(name: "Query") { name } }',
        '{ ...F } fragment F on Query { __schema { __typename } }',
      ]) {
        const { data, errors } = await ask(server, query)
        expect([data, errors?.[0]?.extensions.code]).toEqual([undefined, 'GRAPHQL_VALIDATION_FAILED'])
      }
      expect(await ask(server, '{ __typename }')).toEqual({ data: { __typename: 'Query' } })
    }
  })

  test('errors contain suggestions only where introspection is on', async () => {
    for (const [query, variables] of SLIPS) {
      // Twice: the second time from the cache.
      for (let i = 0; i < 2; i++) {
        expect(JSON.stringify(await ask(servers.development, query, variables))).toContain('Did you mean')
        const { errors } = await ask(servers.off, query, variables)
        expect(errors?.[0]?.message).toBeTruthy()
        expect(JSON.stringify(errors)).not.toMatch(/Did you mean|Use one of/)
      }
    }
  })
})

test('A browser gets GraphiQL where it is on, by default in development only', async () => {
  for (const [name, shown] of Object.entries({ development: true, production: false, off: false, on: true })) {
    const { url } = servers[name as keyof typeof servers]
    const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } })
    expect([name, (await page.text()).includes('<title>')]).toEqual([name, shown])
  }
})

test('Values other than on and off stop the start', async () => {
  const { exited, output } = tidemark(['serve'], { INTROSPECTION: 'yes', GRAPHIQL: '0' })
  expect(await exited).toBe(1)
  expect(output.stderr).toBe(
    'Invalid settings:\n  INTROSPECTION must be one of on, off\n  GRAPHIQL must be one of on, off\n',
  )
})
