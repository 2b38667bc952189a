import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newKey, newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
let organization: string
let key: string
/** Another organization's. */
let foreignKey: string
const project = randomUUID()
/** Has one event of each kind. */
let report: string
let recorded: string[]

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
  key = await newKey(server, organization)
  foreignKey = await newKey(server, await newOrganization(server))
  report = await newReport(server, organization, { projectId: project })
  const results = await recordReportEvents(server, report, [
    {
      progress: {
        variant: 'EXTRACT_PLAN',
        message: 'Planning',
        progress: 0.5,
        status: 'IN_PROGRESS',
        extraDetail: { b: 1, a: [null] },
      },
    },
    { blockUpdate: { block: { idx: 0, template: '# A', sources: [{ node: { text: 'quote' }, score: 0.25 }] } } },
    { state: { message: 'Done', state: 'COMPLETED' } },
  ])
  recorded = results.map(({ id }) => id)
})

interface Reply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the assertions check the response
  body: any
}

async function get(path: string, headers: object = { authorization: `Bearer ${key}` }, method = 'GET'): Promise<Reply> {
  const response = await fetch(`${server.url}/api/v1/reports/${path}`, { method, headers: { ...headers } })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text && JSON.parse(text) }
}

function events(query: Record<string, string> = {}, id = report): Promise<Reply> {
  return get(`${id}/events?${new URLSearchParams(query)}`)
}

function expectDetail(reply: Reply, status: number, detail: unknown) {
  expect({ status: reply.status, text: reply.text }).toEqual({ status, text: JSON.stringify({ detail }) })
  expect(reply.headers.get('content-type')).toBe('application/json')
}

/** A report with one event per message, each in its own call, and so possibly in its own millisecond. */
async function reportWith(messages: string[]): Promise<string> {
  const id = await newReport(server, organization)
  for (const message of messages) await recordReportEvents(server, id, [{ state: { message, state: 'PENDING' } }])
  return id
}

function messages({ body }: Reply): string[] {
  return body.map((event: { event_data: { msg: string } }) => event.event_data.msg)
}

describe('The response', () => {
  test('contains every kind of event, in the key order of LlamaCloud, oldest first', async () => {
    const reply = await events()
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toBe('application/json')
    const [progress, block, state] = reply.body
    const item = (index: number, type: string, data: string, { timestamp } = reply.body[index]) =>
      `{"id":"${recorded[index]}","report_id":"${report}","event_type":"${type}",` +
      `"event_data":{"timestamp":"${timestamp}",${data}},"timestamp":"${timestamp}"}`
    expect(JSON.stringify(progress)).toBe(
      item(
        0,
        'progress',
        `"id":"${recorded[0]}","group_id":"${recorded[0]}","type":"progress","variant":"extract_plan",` +
          '"msg":"Planning","progress":0.5,"status":"in_progress","extra_detail":{"b":1,"a":[null]}',
      ),
    )
    const node =
      `{"id_":"${block.event_data.block.sources[0].node.id_}","embedding":null,"extra_info":{},` +
      '"excluded_embed_metadata_keys":[],"excluded_llm_metadata_keys":[],"relationships":{},' +
      '"metadata_template":"{key}: {value}","metadata_seperator":"\\n","text":"quote","mimetype":"text/plain",' +
      '"start_char_idx":null,"end_char_idx":null,' +
      '"text_template":"{metadata_str}\\n\\n{content}","class_name":"TextNode"}'
    expect(JSON.stringify(block)).toBe(
      item(
        1,
        'report_block_update',
        '"type":"report_block_update","msg":"A block has been generated and is ready to be displayed",' +
          `"block":{"idx":0,"template":"# A",` +
          `"sources":[{"node":${node},"score":0.25,"class_name":"TextNodeWithScore"}]}`,
      ),
    )
    expect(JSON.stringify(state)).toBe(
      item(2, 'report_state_update', '"type":"report_state_update","msg":"Done","status":"completed"'),
    )
    expect(reply.text).toBe(JSON.stringify([progress, block, state]))
    expect(progress.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  test('has requires_human_review only if the writer specified it', async () => {
    const id = await newReport(server, organization)
    await recordReportEvents(
      server,
      id,
      [false, true].map((requiresHumanReview, idx) => ({
        blockUpdate: { block: { idx, template: '', requiresHumanReview } },
      })),
    )
    const { body } = await events({}, id)
    expect(body.map((event: { event_data: { block: object } }) => JSON.stringify(event.event_data.block))).toEqual([
      '{"idx":0,"template":"","requires_human_review":false,"sources":[]}',
      '{"idx":1,"template":"","requires_human_review":true,"sources":[]}',
    ])
  })

  test('is an empty list for a report without events', async () => {
    expect((await events({}, await newReport(server, organization))).text).toBe('[]')
  })

  test('contains thousands of events, each once and in order', async () => {
    const id = await newReport(server, organization)
    for (const batch of [0, 1, 2]) {
      const size = batch === 2 ? 345 : 1_000
      await recordReportEvents(
        server,
        id,
        Array.from({ length: size }, (_, n) => ({ state: { message: `${batch * 1_000 + n}`, state: 'PENDING' } })),
      )
    }
    const all = Array.from({ length: 2_345 }, (_, n) => `${n}`)
    expect(messages(await events({}, id))).toEqual(all)
    expect(messages(await events({ last_sequence: '1234' }, id))).toEqual(all.slice(1_234))
  })
})

describe('Keys', () => {
  const NOT_AUTHENTICATED = [401, 'Not authenticated'] as const
  const INVALID = [401, 'Invalid API Key'] as const
  const path = () => `${report}/events`

  test('are accepted with the scheme Bearer in any case, or in the session cookie', async () => {
    for (const headers of [
      { authorization: `Bearer ${key}` },
      { authorization: `bearer ${key}` },
      { authorization: `BEARER ${key}` },
      { cookie: `session=${key}` },
      { cookie: `theme=dark; session=${key}` },
      { authorization: 'Basic eDp5', cookie: `session=${key}` },
    ]) {
      expect({ headers, status: (await get(path(), headers)).status }).toEqual({ headers, status: 200 })
    }
  })

  test('are missing without them, and with any other scheme', async () => {
    for (const headers of [
      {},
      { authorization: key },
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: `Basic ${key}` },
      { 'x-api-key': key },
      { cookie: 'session=' },
      { cookie: 'sessions=x' },
    ]) {
      const reply = await get(path(), headers)
      expectDetail(reply, ...NOT_AUTHENTICATED)
      expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('that do not exist are invalid, and a cookie does not override them', async () => {
    for (const headers of [
      { authorization: 'Bearer wrong' },
      { authorization: 'Bearer wrong', cookie: `session=${key}` },
      { cookie: 'session=wrong' },
    ]) {
      expectDetail(await get(path(), headers), ...INVALID)
    }
  })

  test('are checked before the parameters and the report', async () => {
    for (const wrong of ['abc/events?after=x', `${randomUUID()}/events`]) {
      expectDetail(await get(wrong, {}), ...NOT_AUTHENTICATED)
      expectDetail(await get(wrong, { authorization: 'Bearer wrong' }), ...INVALID)
    }
  })
})

describe('A report', () => {
  const NOT_FOUND = [404, 'Report not found'] as const

  test('is found by its id in every form of a UUID', async () => {
    const forms = [report, report.toUpperCase(), report.replaceAll('-', ''), `{${report}}`, `urn:uuid:${report}`]
    for (const form of forms) expect((await get(`${encodeURIComponent(form)}/events`)).body[0].report_id).toBe(report)
  })

  test('that does not exist, or that the key cannot access, is 404', async () => {
    const narrowed = await newKey(server, organization, 'READ', { reportIds: [await newReport(server, organization)] })
    expectDetail(await get(`${randomUUID()}/events`), ...NOT_FOUND)
    for (const other of [foreignKey, narrowed])
      expectDetail(await get(`${report}/events`, { authorization: `Bearer ${other}` }), ...NOT_FOUND)
  })

  test('is found only with its own project and organization, or with any project if it has none', async () => {
    const own: Record<string, string>[] = [
      { project_id: project },
      { organization_id: organization },
      { project_id: project.toUpperCase(), organization_id: organization },
    ]
    for (const query of own) expect((await events(query)).status).toBe(200)
    const others: Record<string, string>[] = [
      { project_id: randomUUID() },
      { organization_id: randomUUID() },
      { project_id: project, organization_id: randomUUID() },
    ]
    for (const query of others) expectDetail(await events(query), ...NOT_FOUND)
    const homeless = await newReport(server, organization)
    expect((await events({ project_id: project }, homeless)).status).toBe(200)
    const elsewhere = { project_id: project, organization_id: randomUUID() }
    expectDetail(await events(elsewhere, homeless), ...NOT_FOUND)
  })
})

describe('last_sequence', () => {
  test('returns events after that position, counted over all kinds', async () => {
    const keptAfter = async (last_sequence: string) =>
      (await events({ last_sequence })).body.map(({ id }: { id: string }) => id)
    for (const all of ['0', '-1', '-99999999999999999999']) expect(await keptAfter(all)).toEqual(recorded)
    expect(await keptAfter('1')).toEqual(recorded.slice(1))
    expect(await keptAfter('2')).toEqual(recorded.slice(2))
    for (const none of ['3', '4', '9007199254740993', '9223372036854775808', '9'.repeat(5_000)])
      expect(await keptAfter(none)).toEqual([])
  })

  test('is parsed as pydantic parses an integer', async () => {
    for (const one of ['1', '+1', '1.0', ' 1 ', '01'])
      expect((await events({ last_sequence: one })).body).toHaveLength(2)
    for (const input of ['', 'abc', '1.5', '1e0', '0x1', 'null', '١']) {
      const msg = 'Input should be a valid integer, unable to parse string as an integer'
      expectDetail(await events({ last_sequence: input }), 422, [
        { type: 'int_parsing', loc: ['query', 'last_sequence'], msg, input },
      ])
    }
  })
})

describe('after', () => {
  test('returns strictly later events, to the microsecond', async () => {
    const id = await reportWith(['a', 'b', 'c'])
    const { body } = await events({}, id)
    const [a, b, c] = body.map(({ timestamp }: { timestamp: string }) => timestamp) as [string, string, string]
    const later = (time: string) =>
      body
        .filter(({ timestamp }: { timestamp: string }) => timestamp > time)
        .map(({ event_data }: { event_data: { msg: string } }) => event_data.msg)
    for (const time of [a, b, c]) {
      const justBefore = new Date(Date.parse(time) - 1).toISOString()
      expect(messages(await events({ after: time }, id))).toEqual(later(time))
      expect(messages(await events({ after: time.replace('Z', '999Z') }, id))).toEqual(later(time))
      expect(messages(await events({ after: justBefore }, id))).toEqual(later(justBefore))
      expect(messages(await events({ after: justBefore.replace('Z', '999Z') }, id))).toEqual(later(justBefore))
    }
    expect(later(c)).toEqual([])
  })

  test('includes or excludes all events of one millisecond together', async () => {
    const id = await newReport(server, organization)
    await recordReportEvents(
      server,
      id,
      ['a', 'b', 'c'].map((message) => ({ state: { message, state: 'PENDING' } })),
    )
    const { body } = await events({}, id)
    const time = body[0].timestamp
    expect(body.map(({ timestamp }: { timestamp: string }) => timestamp)).toEqual([time, time, time])
    expect(messages(await events({ after: time }, id))).toEqual([])
    expect(messages(await events({ after: new Date(Date.parse(time) - 1).toISOString() }, id))).toEqual(['a', 'b', 'c'])
    expect(
      messages(await events({ after: new Date(Date.parse(time) - 1).toISOString(), last_sequence: '1' }, id)),
    ).toEqual(['b', 'c'])
    expect(messages(await events({ after: time, last_sequence: '1' }, id))).toEqual([])
  })

  test('is accepted in every form that pydantic accepts, in UTC without a time zone', async () => {
    const [{ timestamp }] = (await events()).body
    const at = Date.parse(timestamp)
    const iso = (millis: number) => new Date(millis).toISOString()
    const minute = 60_000
    const forms = (millis: number) => [
      iso(millis),
      iso(millis).replace('Z', ''),
      iso(millis).replace('T', ' ').replace('Z', 'z'),
      iso(millis).replace('T', '_'),
      iso(millis).replace('T', 't').replace('Z', '000000000Z'),
      iso(millis).replace('Z', '-00:00'),
      iso(millis + 90 * minute).replace('Z', '+01:30'),
      iso(millis - 120 * minute).replace('Z', '-0200'),
      (millis / 1_000).toFixed(3),
      `+${millis / 1_000}`,
      `${millis}`,
      `${millis}.0`,
    ]
    for (const form of forms(at))
      expect({ form, kept: (await events({ after: form })).body.length < 3 }).toEqual({ form, kept: true })
    for (const form of forms(at - 1))
      expect({ form, kept: (await events({ after: form })).body.length }).toEqual({ form, kept: 3 })
    const tomorrow = iso(at + 24 * 60 * minute)
    for (const form of [tomorrow.slice(0, 10), tomorrow.slice(0, 16), `${tomorrow.slice(0, 16)}Z`])
      expect((await events({ after: form })).body).toEqual([])
    for (const form of [
      iso(at).slice(0, 4),
      '-1',
      '0',
      '.5',
      '1.',
      '20000000',
      '1970-01-01',
      '2000-02-29',
      '0001-01-01',
      '0001-01-01T00:00:00+23:59',
      '-62135596800',
    ]) {
      expect({ form, kept: (await events({ after: form })).body.length }).toEqual({ form, kept: 3 })
    }
    for (const form of ['9999-12-31T23:59:59.999999-23:59', '20000000000', '253402300799999', '9999-12-31'])
      expect((await events({ after: form })).body).toEqual([])
  })

  test.each<readonly [string, string]>([
    ...['', 'null', 'yesterday', '1e3', '2024-07', '-', '.'].map((input) => [input, 'input is too short'] as const),
    ...[
      '2024-07-29T25:00:00Z',
      '2024-07-29T15',
      '2024-07-29T15:51:60Z',
      '2024-07-29T15:51:28+02',
      '2024-07-29T15:51:28Zjunk',
      '2024-07-29T15:51:28 02:00',
      '2024-07-29T15:51:28.Z',
      '2024-07-29Z',
      '2024-07-29\u0000',
    ].map((input) => [input, 'unexpected extra characters at the end of the input'] as const),
    ['not-a-date', 'invalid character in year'],
    ['2024-xx-01', 'invalid character in month'],
    ['2024-01-xx', 'invalid character in day'],
    ['2024/07/29', 'invalid date separator, expected `-`'],
    ['2024-07/29', 'invalid date separator, expected `-`'],
    ['2024-13-01', 'month value is outside expected range of 1-12'],
    ['2024-00-01', 'month value is outside expected range of 1-12'],
    ['2024-02-30', 'day value is outside expected range'],
    ['2023-02-29', 'day value is outside expected range'],
    ['2024-01-00', 'day value is outside expected range'],
    ['253402300800000', 'dates after 9999 are not supported as unix timestamps'],
    ['9'.repeat(400), 'dates after 9999 are not supported as unix timestamps'],
    [`-${'9'.repeat(400)}`, 'dates before 0000 are not supported as unix timestamps'],
  ])('that is not a time is rejected: %j', async (input, error) => {
    const msg = `Input should be a valid datetime or date, ${error}`
    expectDetail(await events({ after: input }), 422, [
      { type: 'datetime_from_date_parsing', loc: ['query', 'after'], msg, input, ctx: { error } },
    ])
  })

  test('rejects the year 0', async () => {
    const error = 'year 0 is out of range'
    const msg = `Input should be a valid datetime, ${error}`
    const input = '0000-01-01T00:00:00Z'
    expectDetail(await events({ after: input }), 422, [
      { type: 'datetime_parsing', loc: ['query', 'after'], msg, input, ctx: { error } },
    ])
  })
})

describe('An invalid UUID', () => {
  const found = (character: string, position: number) =>
    `invalid character: expected an optional prefix of \`urn:uuid:\` followed by [0-9a-fA-F-], found ` +
    `\`${character}\` at ${position}`
  const id = '3fa85f64-5717-4562-b3fc-2c963f66afa6'

  test.each([
    ['abc', 'invalid length: expected length 32 for simple format, found 3'],
    ['not-a-uuid', found('n', 1)],
    [id.slice(0, 35), 'invalid group length in group 4: expected 12, found 11'],
    [`${id}0`, 'invalid group length in group 4: expected 12, found 13'],
    ['3fa85f645717-4562-b3fc-2c963f66afa6', 'invalid group count: expected 5, found 4'],
    ['3fa85f6-45717-4562-b3fc-2c963f66afa6', 'invalid group length in group 0: expected 8, found 7'],
    [`{${id.replaceAll('-', '')}}`, 'invalid group count: expected 5, found 1'],
    [`{${id.slice(0, -1)}g}`, found('g', 37)],
    [`urn:uuid:g${id.slice(1)}`, found('g', 10)],
    [`URN:UUID:${id}`, found('U', 1)],
    ['ab\u0000', found('\u0000', 3)],
    ['a😀b', found('😀', 2)],
    [`${id} `, found(' ', 37)],
    ['a/b', found('/', 2)],
  ])('is rejected in every place: %j', async (input, error) => {
    const problem = (...loc: string[]) => ({
      type: 'uuid_parsing',
      loc,
      msg: `Input should be a valid UUID, ${error}`,
      input,
      ctx: { error },
    })
    expectDetail(await events({}, encodeURIComponent(input)), 422, [problem('path', 'report_id')])
    for (const name of ['project_id', 'organization_id'])
      expectDetail(await events({ [name]: input }), 422, [problem('query', name)])
  })

  test('can be empty in the query, where it counts as absent', async () => {
    const reply = await events({ project_id: '' })
    expect(reply.status).toBe(422)
    expect(reply.body.detail[0]).toMatchObject({ type: 'uuid_parsing', loc: ['query', 'project_id'], input: '' })
  })
})

describe('The parameters', () => {
  test('are rejected together, in one order, before the report is looked up', async () => {
    const query = 'organization_id=d&project_id=c&last_sequence=b&after=a'
    const { status, body } = await get(`x/events?${query}`)
    expect(status).toBe(422)
    expect(body.detail.map(({ loc }: { loc: string[] }) => loc.join('.'))).toEqual([
      'path.report_id',
      'query.after',
      'query.last_sequence',
      'query.project_id',
      'query.organization_id',
    ])
    expect((await get(`${randomUUID()}/events?after=x`)).status).toBe(422)
  })

  test('that are unknown are ignored, and the last of a repeated one counts', async () => {
    expect((await get(`${report}/events?last_sequence=abc&last_sequence=1&page=x&__proto__=1`)).body).toHaveLength(2)
    expect((await get(`${report}/events?last_sequence=1&last_sequence=abc`)).status).toBe(422)
  })

  test('can be invalid UTF-8', async () => {
    for (const query of ['after=%ff', 'after=%', 'project_id=%ed%a0%80', '%ff=%ff', 'last_sequence=%00']) {
      expect({ query, status: (await get(`${report}/events?${query}`)).status }).toEqual({
        query,
        status: query.startsWith('%') ? 200 : 422,
      })
    }
    for (const id of ['%ff', '%', '%00', '%ed%a0%80', '%2e%2e%2f']) expect((await get(`${id}/events`)).status).toBe(422)
  })
})

describe('The route', () => {
  test('accepts a trailing slash, and two leading slashes', async () => {
    const { text } = await events()
    expect((await get(`${report}/events/`)).text).toBe(text)
    const response = await fetch(`${server.url}//api/v1/reports/${report}/events`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(await response.text()).toBe(text)
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])('responds to %s with 405', async (method) => {
    for (const path of [`${report}/events`, `${report}/events/`]) {
      const reply = await get(path, {}, method)
      expect(reply.headers.get('allow')).toBe('GET')
      if (method === 'HEAD') expect({ status: reply.status, text: reply.text }).toEqual({ status: 405, text: '' })
      else expectDetail(reply, 405, 'Method Not Allowed')
    }
  })

  test('does not exist under another path', async () => {
    for (const path of ['/events', `${report}`, `${report}/events/x`, `${report}//events`])
      expectDetail(await get(path), 404, 'Not Found')
  })

  test('allows any origin, but no credentials, because the key can be in a cookie', async () => {
    const origin = 'https://app.example'
    const preflight = await get(
      `${report}/events`,
      { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization,x-sdk-name' },
      'OPTIONS',
    )
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('GET'),
      'access-control-allow-headers': 'authorization,x-sdk-name',
      'access-control-max-age': '3600',
    })
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
    for (const path of [`${report}/events`, 'abc/events']) {
      const { headers } = await get(path, { origin, authorization: `Bearer ${key}` })
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('vary')).toContain('Origin')
    }
  })
})
