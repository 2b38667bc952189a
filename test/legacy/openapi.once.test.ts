import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect } from 'vitest'
import { WORKER_EVENT_TYPES } from '../../src/log/worker-event-type.ts'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
// biome-ignore lint/suspicious/noExplicitAny: the assertions check the response
type Document = any
let document: Document
let dataset: string
let report: string
let key: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  document = await (await fetch(`${server.url}/openapi.json`)).json()
  const organization = await newOrganization(server)
  key = await newKey(server, organization)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
  await recordWorkerEvents(
    server,
    dataset,
    Object.keys(WORKER_EVENT_TYPES).map((name) => ({ eventType: name.toUpperCase(), eventData: { name } })),
  )
  const related = { node_id: 'n', node_type: '4', metadata: { a: 1 }, hash: null, class_name: 'RelatedNodeInfo' }
  const node = {
    embedding: [0.5],
    metadata: { a: 1 },
    relationships: { '1': related, '5': [related] },
    text: 'é',
    startCharIdx: 0,
    endCharIdx: 1,
  }
  await recordReportEvents(server, report, [
    { progress: { variant: 'SUMMARIZE', message: 'm' } },
    { progress: { variant: 'EDITING', message: 'm', progress: 1, status: 'ERROR', extraDetail: { a: null } } },
    { blockUpdate: { block: { idx: 0, template: 't' } } },
    {
      blockUpdate: {
        block: { idx: 1, template: 't', requiresHumanReview: true, sources: [{ node: {} }, { node, score: 0.5 }] },
      },
    },
    { state: { message: 'm', state: 'WAITING_APPROVAL' } },
  ])
})

test.each([
  ['the ETag', (etag: string) => etag],
  ['one of several', (etag: string) => `"other", ${etag}`],
  ['a weak form of it', (etag: string) => `W/${etag}`],
])('The document is sent once: If-None-Match with %s gives 304', async (_, condition) => {
  const etag = (await fetch(`${server.url}/openapi.json`)).headers.get('etag') ?? ''
  expect(etag).toMatch(/^".+"$/)
  const headers = { 'if-none-match': condition(etag) }
  const again = await fetch(`${server.url}/openapi.json`, { headers })
  expect([again.status, again.headers.get('etag'), again.headers.get('cache-control')]).toEqual([304, etag, 'no-cache'])
})

const FORMATS = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  int32: true,
  int64: true,
} as const

function fixture(name: string): object {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'))
}

function schemaOf(document: object, id: string, pointer: string): ValidateFunction {
  const options = { strict: false, formats: FORMATS }
  // Trieve's upstream document is OpenAPI 3.0, whose schemas are not JSON Schema 2020.
  const ajv = id === 'trieve' ? new Ajv(options) : new Ajv2020(options)
  ajv.addSchema({ ...document, $id: id })
  return ajv.compile({ $ref: `${id}#/${pointer}` })
}

function expectValid(validate: ValidateFunction, body: unknown) {
  expect({ valid: validate(body), errors: validate.errors }).toEqual({ valid: true, errors: null })
}

async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'tr-dataset': dataset }
  const response = await fetch(server.url + path, { ...init, headers: { ...headers, ...init.headers } })
  return { status: response.status, body: await response.json() }
}

/** A response of each status that has a body, and for upstream's schemas, the name of its schema. */
const REPLIES = [
  {
    path: '/api/dataset/events',
    method: 'post',
    status: 200,
    send: { body: '{"page_size":100}' },
    upstream: ['trieve', 'EventReturn'],
  },
  {
    path: '/api/events',
    method: 'post',
    status: 200,
    send: { body: '{"page_size":0}' },
    upstream: ['trieve', 'EventReturn'],
  },
  {
    path: '/api/dataset/events',
    method: 'post',
    status: 400,
    send: { body: '{' },
    upstream: ['trieve', 'ErrorResponseBody'],
  },
  {
    path: '/api/dataset/events',
    method: 'post',
    status: 401,
    send: { headers: { authorization: 'x' } },
    upstream: ['trieve', 'ErrorResponseBody'],
  },
  {
    path: '/api/dataset/events',
    method: 'post',
    status: 404,
    send: { headers: { 'tr-dataset': '00000000-0000-4000-8000-000000000000' } },
    upstream: ['trieve', 'ErrorResponseBody'],
  },
  {
    path: '/api/v1/reports/{report_id}/events',
    method: 'get',
    status: 200,
    send: {},
    upstream: ['llamacloud', 'ReportEventItem'],
  },
  { path: '/api/v1/reports/{report_id}/events', method: 'get', status: 401, send: { headers: { authorization: '' } } },
  {
    path: '/api/v1/reports/{report_id}/events',
    method: 'get',
    status: 404,
    query: '?organization_id=00000000-0000-4000-8000-000000000000',
    send: {},
  },
  { path: '/api/v1/reports/{report_id}/events', method: 'get', status: 405, send: { method: 'PUT' } },
  {
    path: '/api/v1/reports/{report_id}/events',
    method: 'get',
    status: 422,
    query: '?after=x&last_sequence=y&project_id=z',
    send: {},
    upstream: ['llamacloud', 'HTTPValidationError'],
  },
] as const

describe('The document', () => {
  test('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(await new Validator().validate(document)).toEqual({ valid: true })
  })

  test('contains both routes and the alias, and nothing else', () => {
    expect(Object.keys(document.paths)).toEqual([
      '/api/dataset/events',
      '/api/events',
      '/api/v1/reports/{report_id}/events',
    ])
  })

  test('has every status that the server answers', () => {
    const statuses = (path: string, method: string) => Object.keys(document.paths[path][method].responses).join(' ')
    expect(statuses('/api/dataset/events', 'post')).toBe('200 304 400 401 404 405 429 500 503')
    expect(statuses('/api/events', 'post')).toBe('200 304 400 401 404 405 429 500 503')
    expect(statuses('/api/v1/reports/{report_id}/events', 'get')).toBe('200 204 304 401 404 405 422 429 500 503')
  })

  test('describes every operation, parameter and response', () => {
    for (const [path, item] of Object.entries<Record<string, Document>>(document.paths)) {
      for (const operation of Object.values(item)) {
        expect({
          path,
          described: Boolean(operation.summary && operation.description && operation.security.length > 0),
        }).toEqual({ path, described: true })
        for (const part of [...operation.parameters, ...Object.values<object>(operation.responses)]) {
          expect({ path, part, described: Boolean(part.description) }).toEqual({ path, part, described: true })
        }
      }
    }
  })

  test('names every parameter, header and body', () => {
    const names = (path: string, method: string) =>
      document.paths[path][method].parameters.map((p: { in: string; name: string }) => `${p.in} ${p.name}`)
    expect(names('/api/dataset/events', 'post')).toEqual(
      ['TR-Dataset', 'x-dataset', 'TR-Organization', 'x-organization', 'X-API-Version', 'If-None-Match'].map(
        (name) => `header ${name}`,
      ),
    )
    expect(names('/api/events', 'post')).toEqual(names('/api/dataset/events', 'post'))
    expect(names('/api/v1/reports/{report_id}/events', 'get')).toEqual([
      'path report_id',
      'query after',
      'query last_sequence',
      'query project_id',
      'query organization_id',
      'header If-None-Match',
    ])
    expect(document.components.schemas.EventReturn.properties.page_count).toMatchObject({
      type: 'integer',
      format: 'int32',
    })
    expect(document.components.schemas.EventTypeRequest.enum).toEqual(Object.keys(WORKER_EVENT_TYPES))
    expect(document.components.securitySchemes).toMatchObject({
      ApiKey: { in: 'header', name: 'Authorization' },
      XApiKey: { in: 'header', name: 'x-api-key' },
      HTTPBearer: { scheme: 'bearer' },
      Session: { in: 'cookie', name: 'session' },
    })
  })

  test('accepts the bodies that the server accepts, and no others', async () => {
    const validate = schemaOf(document, 'tidemark', 'components/schemas/GetEventsData')
    const bodies = [
      {},
      { page: 1 },
      { page: null, page_size: null, event_types: null },
      { event_types: ['etl_failed'] },
      { x: 1 },
      { page: 1.5 },
      { page: '1' },
      { event_types: ['nope'] },
      { event_types: 'etl_failed' },
      [],
      null,
    ]
    for (const body of bodies) {
      const { status } = await ask('/api/dataset/events', { method: 'POST', body: JSON.stringify(body) })
      expect({ body, accepted: validate(body) }).toEqual({ body, accepted: status === 200 })
    }
  })
})

describe('A response', () => {
  test.each(REPLIES)(
    'of $method $path with $status matches the document',
    async ({ path, method, status, send, ...rest }) => {
      const query = 'query' in rest ? rest.query : ''
      const reply = await ask(path.replace('{report_id}', report) + query, { method: method.toUpperCase(), ...send })
      expect(reply.status).toBe(status)
      const operation = `paths/${encodeURIComponent(path.replaceAll('/', '~1'))}/${method}`
      const pointer = `${operation}/responses/${status}/content/application~1json/schema`
      expectValid(schemaOf(document, 'tidemark', pointer), reply.body)
      if (!('upstream' in rest)) return
      const [api, name] = rest.upstream
      const validate = schemaOf(fixture(`${api}-schemas.json`), api, `components/schemas/${name}`)
      for (const body of name === 'ReportEventItem' ? (reply.body as unknown[]) : [reply.body])
        expectValid(validate, body)
    },
  )

  test('of a report has the members of the document in their order, including those with a default', async () => {
    const { body } = await ask(`/api/v1/reports/${report}/events`)
    const items = (body as Document[]).map(({ event_data }) => event_data)
    const schemas = document.components.schemas
    const members = (name: string) => Object.keys(schemas[name].properties)
    expect(Object.keys(items[0])).toEqual(members('ProgressEvent'))
    expect(Object.keys(items[4])).toEqual(members('ReportStateEvent'))
    const { block, ...update } = items[3]
    expect(Object.keys({ ...update, block })).toEqual(members('ReportUpdateEvent'))
    expect(Object.keys(block)).toEqual(members('ReportBlock'))
    for (const source of block.sources) {
      expect(Object.keys(source)).toEqual(members('TextNodeWithScore'))
      expect(Object.keys(source.node)).toEqual(members('TextNode'))
      expect(schemas.TextNode.required).toEqual(members('TextNode'))
    }
    expect(Object.keys(block.sources[1].node.relationships[1])).toEqual(members('RelatedNodeInfo'))
    expect(JSON.stringify(schemas)).not.toContain('$id')
  })

  test('that does not match the document is detected', () => {
    const item = {
      id: report,
      report_id: report,
      event_type: 'progress',
      event_data: {},
      timestamp: '2024-07-29T15:51:28.071Z',
    }
    expect(schemaOf(document, 'tidemark', 'components/schemas/ReportEventItem')(item)).toBe(false)
    expect(schemaOf(fixture('llamacloud-schemas.json'), 'llamacloud', 'components/schemas/ReportEventItem')(item)).toBe(
      false,
    )
    expect(
      schemaOf(
        fixture('trieve-schemas.json'),
        'trieve',
        'components/schemas/EventReturn',
      )({ events: [{}], event_types: [], page_count: 0 }),
    ).toBe(false)
  })
})
