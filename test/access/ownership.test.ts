import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, type Result, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
/** The organization that chooses ids, and its keys. */
let acme: string
let write: string
let admin: string
/** The organization whose ids they are. */
let bolt: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  ;[acme, bolt] = [await newOrganization(server), await newOrganization(server)]
  ;[write, admin] = [await newKey(server, acme, 'WRITE'), await newKey(server, acme, 'ADMIN')]
})

const create = (type: string, input: object, key: string) =>
  server.graphql(`mutation ($input: Create${type}Input!) { create${type}(input: $input) { id } }`, { input }, key)
const codes = ({ errors }: Result) => errors?.map(({ extensions }) => extensions.code)

describe('An organization and a stream never have the same id', () => {
  test.each(['Dataset', 'Report'])('create%s with the id of an organization is a CONFLICT', async (type) => {
    const taken = await create(type, { organizationId: acme, id: await newDataset(server, bolt) }, write)
    expect(codes(taken)).toEqual(['CONFLICT'])
    for (const id of [bolt, acme]) expect(await create(type, { organizationId: acme, id }, write)).toEqual(taken)
  })

  test('createOrganization with the id of a stream is a CONFLICT', async () => {
    for (const id of [await newDataset(server, bolt), await newReport(server, acme)])
      expect(codes(await create('Organization', { id, name: 'Chosen' }, server.rootKey))).toEqual(['CONFLICT'])
  })

  test('concurrent creations with one id leave one object', async () => {
    for (let i = 0; i < 10; i++) {
      const id = randomUUID()
      const created = await Promise.all([
        create('Dataset', { organizationId: acme, id }, write),
        create('Organization', { id, name: 'Chosen' }, server.rootKey),
        create('Report', { organizationId: acme, id }, write),
      ])
      expect(created.map(codes).filter((code) => code?.[0] === 'CONFLICT')).toHaveLength(2)
    }
  })
})

describe('A policy', () => {
  const SET = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
    setRetention(of: $of, policy: $policy) { maxEvents }
  }`

  test.each(['datasetId', 'reportId'])('belongs to no other organization when it is set by %s', async (kind) => {
    const dataset = await newDataset(server, bolt)
    await recordWorkerEvents(server, dataset, Array(5).fill({ eventType: 'ETL_STARTED' }))
    const own = await newDataset(server, acme)
    await recordWorkerEvents(server, own, Array(3).fill({ eventType: 'ETL_STARTED' }))
    for (const policy of [{ maxEvents: 1 }, { maxAgeSeconds: 1 }, null]) {
      expect(
        codes(await create(kind === 'datasetId' ? 'Dataset' : 'Report', { organizationId: acme, id: bolt }, write)),
      ).toEqual(['CONFLICT'])
      expect(codes(await server.graphql(SET, { of: { [kind]: bolt }, policy }, admin))).toEqual(['NOT_FOUND'])
      expect(codes(await server.graphql(SET, { of: { organizationId: bolt }, policy }, admin))).toEqual(['FORBIDDEN'])
    }
    // The second removal begins after the first has covered all streams.
    for (const maxEvents of [2, 1]) {
      expectData(await server.graphql(SET, { of: { datasetId: own }, policy: { maxEvents } }, admin))
      await until(async () => (await total(own)) === maxEvents)
    }
    const retention = 'query ($id: UUID!) { organization(id: $id) { retention { maxEvents } } }'
    expect(expectData(await server.graphql(retention, { id: bolt })).organization.retention).toBeNull()
    expect(await total(dataset)).toBe(5)
  })
})

async function total(dataset: string): Promise<number> {
  const query = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }'
  return expectData(await server.graphql(query, { id: dataset })).workerEvents.totalCount
}

test('Actions on objects of different kinds with one id are distinguished', async () => {
  const dataset = await newDataset(server, acme)
  const event = { id: randomUUID(), eventType: 'ETL_STARTED' }
  await recordWorkerEvents(server, dataset, [event])
  const redact = 'mutation ($dataset: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $dataset, id: $id) { id } }'
  expectData(await server.graphql(redact, { dataset, id: event.id }, admin))
  await newReport(server, acme, { id: event.id })
  const query = `query ($id: UUID!) { auditEntries(organizationId: $id, first: 2) { nodes {
    action subjectKind subjectId details } } }`
  expect(expectData(await server.graphql(query, { id: acme }, admin)).auditEntries.nodes).toMatchObject([
    { action: 'CREATE_REPORT', subjectKind: 'REPORT', subjectId: event.id },
    { action: 'REDACT_EVENT', subjectKind: 'EVENT', subjectId: event.id, details: { streamId: dataset, seq: 1 } },
  ])
})

describe('A tracking id that can be read as a UUID', () => {
  const forms = (id: string) => [id, id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`]

  test('is rejected in every form in which clients send ids', async () => {
    for (const trackingId of forms(await newDataset(server, bolt)))
      expect(codes(await create('Dataset', { organizationId: acme, trackingId }, write))).toEqual(['BAD_USER_INPUT'])
  })

  test('never selects the dataset of another tenant: over the Trieve route, it is an id', async () => {
    const dataset = await newDataset(server, bolt)
    const ask = async (name: string, authorization: string) => {
      const headers = { authorization, 'tr-dataset': name, 'tr-organization': acme, 'content-type': 'application/json' }
      const response = await fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' })
      return response.status
    }
    for (const name of forms(dataset)) {
      expect(await ask(name, admin)).toBe(401)
      const query = 'query ($name: String!, $acme: UUID!) { dataset(trackingId: $name, organizationId: $acme) { id } }'
      expect(expectData(await server.graphql(query, { name, acme })).dataset).toBeNull()
    }
    // Text that only resembles an id is a tracking id, for both.
    const odd = `{${dataset.replaceAll('-', '')}}`
    await newDataset(server, acme, { trackingId: odd })
    expect(await ask(odd, admin)).toBe(200)
  })
})

describe('A restricted key', () => {
  test('sees nothing of the organization as a whole, and everything it is restricted to', async () => {
    const [dataset, report] = [await newDataset(server, acme), await newReport(server, acme)]
    await recordReportEvents(server, report, [{ state: { message: 'Off', state: 'PLANNING' } }])
    const narrowed = { datasetIds: [dataset], reportIds: [report] }
    const query = `query ($acme: UUID!, $dataset: UUID!, $report: UUID!) {
      organization(id: $acme) { name retention { maxEvents } }
      dataset(id: $dataset) { organizationId retention { maxEvents } }
      report(id: $report) { organizationId snapshot { state { node { message } } } }
    }`
    for (const role of ['READ', 'WRITE', 'ADMIN']) {
      const key = await newKey(server, acme, role, narrowed)
      expect(expectData(await server.graphql(query, { acme, dataset, report }, key))).toEqual({
        organization: null,
        dataset: { organizationId: acme, retention: null },
        report: { organizationId: acme, snapshot: { state: { node: { message: 'Off' } } } },
      })
    }
  })
})
