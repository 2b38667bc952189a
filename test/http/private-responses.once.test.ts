import { afterAll, beforeAll, expect, test } from 'vitest'
import { newDataset, newOrganization, newReport } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let dataset: string
let report: string

beforeAll(async () => {
  server = await startServer({ GRAPHIQL: 'on' })
  const organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

/** The caching headers of a response, which must have this status. */
async function caching(status: number, path: string, request: RequestInit = {}) {
  const ended = new AbortController()
  const response = await fetch(server.url + path, { ...request, signal: ended.signal })
  expect(response.status).toBe(status)
  ended.abort()
  const { headers } = response
  return {
    control: headers.get('cache-control'),
    vary: headers.get('vary')?.split(', ') ?? [],
    buffering: headers.get('x-accel-buffering'),
  }
}

const STREAM = {
  control: 'no-store, no-transform',
  vary: expect.arrayContaining(['Authorization', 'Cookie', 'Accept']),
  // Proxies pass each event on.
  buffering: 'no',
}
const PRIVATE = { ...STREAM, control: 'no-store', buffering: null }

test('A response that depends on a key is no-store, with the key in a header, in a cookie, or missing', async () => {
  const json = { 'content-type': 'application/json' }
  const bearer = { ...json, authorization: `Bearer ${server.rootKey}` }
  const stream = { ...bearer, accept: 'text/event-stream' }
  const list = `/api/v1/reports/${report}/events`
  const subscription = `subscription { workerEvents(datasetId: "${dataset}") { cursor } }`
  const post = (headers: Record<string, string>, body: object) => ({
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  const query = { query: '{ __typename }' }
  expect(await caching(200, '/graphql', post(bearer, query))).toEqual(PRIVATE)
  expect(await caching(200, '/graphql', post(json, query))).toEqual(PRIVATE)
  expect(await caching(200, '/graphql?query=%7B__typename%7D', { headers: bearer })).toEqual(PRIVATE)
  expect(await caching(200, '/graphql', post(stream, { query: subscription }))).toEqual(STREAM)
  expect(await caching(200, '/api/dataset/events', post({ ...bearer, 'tr-dataset': dataset }, {}))).toEqual(PRIVATE)
  expect(await caching(401, '/api/events', post({ ...json, 'tr-dataset': dataset }, {}))).toEqual(PRIVATE)
  expect(await caching(200, list, { headers: { cookie: `session=${server.rootKey}` } })).toEqual(PRIVATE)
  expect(await caching(200, list, { headers: bearer })).toEqual(PRIVATE)
  expect(await caching(200, list, { headers: stream })).toEqual(STREAM)
  expect(await caching(401, list)).toEqual(PRIVATE)
})

test('The page of GraphiQL, the same for all clients, is cached and revalidated by its ETag', async () => {
  const headers = { accept: 'text/html', 'accept-encoding': 'gzip' }
  expect(await caching(200, '/graphql', { headers })).toEqual({
    control: 'no-cache',
    vary: ['accept', 'accept-encoding'],
    buffering: null,
  })
  const etag = (await fetch(`${server.url}/graphql`, { headers })).headers.get('etag') ?? ''
  expect(etag).not.toBe('')
  expect(await caching(304, '/graphql', { headers: { ...headers, 'if-none-match': etag } })).toMatchObject({
    control: 'no-cache',
  })
})
