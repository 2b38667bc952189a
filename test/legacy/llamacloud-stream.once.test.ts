import { EventSource } from 'eventsource'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ofAnyEpoch, withoutEpoch } from '../support/cursor.ts'
import { newKey, newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let organization: string
let key: string

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  key = await newKey(server, organization)
})
afterAll(() => server[Symbol.asyncDispose]())

const progress = (message: string) => ({ progress: { variant: 'EDITING', message } })
const state = (state: string) => ({ state: { message: state, state } })

async function list(report: string, search = '') {
  const response = await fetch(`${server.url}/api/v1/reports/${report}/events${search}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  return response.json() as Promise<{ event_data: { msg: string } }[]>
}

/** Requests the route as EventSource does. */
async function stream(report: string, search = '', headers: Record<string, string> = {}) {
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  const response = await fetch(`${server.url}/api/v1/reports/${report}/events${search}`, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream', ...headers },
    signal: leaving.signal,
  })
  const frames = framesOf(response)
  return {
    response,
    leave: () => leaving.abort(),
    async take(count: number) {
      const taken: { id: string; item: unknown }[] = []
      while (taken.length < count) {
        const { done, value } = await frames.next()
        if (done) break
        taken.push(value)
      }
      return taken
    },
  }
}

async function* framesOf(response: Response) {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end)
      text = text.slice(end + 2)
      if (frame.startsWith('event: complete')) yield { id: 'complete', item: null }
      const data = /^data: (.+)$/m.exec(frame)?.[1]
      if (data) yield { id: /^id: (.*)$/m.exec(frame)?.[1] ?? '', item: JSON.parse(data) }
    }
  }
}

test('The route streams the items of the list, then new ones, and ends with the report', async () => {
  const report = await newReport(server, organization)
  await recordReportEvents(server, report, [state('GENERATING'), progress('one')])
  const { response, take } = await stream(report)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const first = await take(2)
  await recordReportEvents(server, report, [progress('two'), state('COMPLETED')])
  const rest = await take(100)
  expect(rest.pop()).toEqual({ id: 'complete', item: null })
  expect([...first, ...rest].map(({ item }) => item)).toEqual(await list(report))
  await server.followers(0)
})

test('Last-Event-ID resumes; after and last_sequence set the start', async () => {
  const report = await newReport(server, organization)
  const recorded = await recordReportEvents(server, report, [progress('one'), progress('two')])
  await recordReportEvents(server, report, [progress('three'), state('COMPLETED')])
  const all = await list(report)
  const items = async (search: string, headers = {}) =>
    (await (await stream(report, search, headers)).take(100)).map(({ item }) => item).slice(0, -1)
  expect(await items('', { 'last-event-id': recorded[0]?.cursor ?? '' })).toEqual(all.slice(1))
  expect(await items('', { 'last-event-id': '' })).toEqual(all)
  // As polyfills of EventSource send it.
  expect(await items(`?lastEventId=${recorded[0]?.cursor}`)).toEqual(all.slice(1))
  expect(await items('?last_sequence=3')).toEqual(all.slice(3))
  const { timestamp } = all[0] as unknown as { timestamp: string }
  expect(await items(`?after=${timestamp}`)).toEqual(all.slice(2))
  expect(await items(`?after=${timestamp}&last_sequence=3`)).toEqual(all.slice(3))
})

test('An EventSource receives everything once, and does not reconnect after the report has ended', async () => {
  const report = await newReport(server, organization)
  const recorded = await recordReportEvents(server, report, [progress('one'), state('COMPLETED')])
  const statuses: number[] = []
  const source = new EventSource(`${server.url}/api/v1/reports/${report}/events`, {
    fetch: async (input, init) => {
      const response = await fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } })
      statuses.push(response.status)
      return response
    },
  })
  onTestFinished(() => source.close())
  const ids: string[] = []
  source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
  await new Promise<void>((resolve) => {
    source.addEventListener('error', () => source.readyState === source.CLOSED && resolve())
  })
  expect(statuses).toEqual([200, 204])
  expect(ids).toEqual(recorded.map(({ cursor }) => cursor))
  // Also one whose cursor is of an older version.
  const headers = { 'last-event-id': withoutEpoch(ids.at(-1) as string) }
  expect((await stream(report, '', headers)).response.status).toBe(204)
})

test('A client at the end of a running report, or at an earlier event of an ended one, gets a stream', async () => {
  const report = await newReport(server, organization)
  const [first] = await recordReportEvents(server, report, [progress('one')])
  const headers = { 'last-event-id': first?.cursor ?? '' }
  const waiting = await stream(report, '', headers)
  expect(waiting.response.status).toBe(200)
  await recordReportEvents(server, report, [state('ERROR'), progress('two')])
  // And that it is complete.
  expect(await waiting.take(100)).toHaveLength(3)
  expect(await (await stream(report, '', headers)).take(100)).toHaveLength(3)
})

test('The position of a client is compared, however its cursor is written and sent', async () => {
  const report = await newReport(server, organization)
  const [first, last] = await recordReportEvents(server, report, [progress('one'), state('COMPLETED')])
  const cursor = last?.cursor ?? ''
  for (const headers of [{ 'last-event-id': cursor }, { 'last-event-id': ofAnyEpoch(cursor) }])
    expect((await stream(report, '', headers)).response.status).toBe(204)
  expect((await stream(report, `?lastEventId=${cursor}`)).response.status).toBe(204)
  expect(await (await stream(report, `?lastEventId=${first?.cursor}`)).take(100)).toHaveLength(2)
  const empty = await stream(report, '', { 'last-event-id': '' })
  expect(empty.response.status).toBe(200)
  expect(await empty.take(100)).toHaveLength(3)
  const forged = await stream(report, '?lastEventId=forged')
  expect(await forged.response.json()).toMatchObject({ detail: [{ loc: ['query', 'lastEventId'] }] })
})

test('The stream stops when its client disconnects', async () => {
  const report = await newReport(server, organization)
  await recordReportEvents(server, report, [progress('one')])
  const { take, leave } = await stream(report)
  expect(await take(1)).toHaveLength(1)
  await server.followers(1)
  leave()
  await server.followers(0)
})

test('The stream is rejected as the list is', async () => {
  const report = await newReport(server, organization)
  expect((await stream('abc')).response.status).toBe(422)
  expect((await stream(report, '', { authorization: 'Bearer nobody' })).response.status).toBe(401)
  expect((await stream(await newReport(server, await newOrganization(server)))).response.status).toBe(404)
  const forged = await stream(report, '', { 'last-event-id': 'forged' })
  expect(forged.response.status).toBe(422)
  expect(await forged.response.json()).toMatchObject({ detail: [{ loc: ['header', 'last-event-id'] }] })
})
