import { randomUUID } from 'node:crypto'
import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { schema } from '../../src/schema/schema.ts'
import { freshDatabase, runSql } from '../support/database.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, type Result, startServer, type TestServer } from '../support/server.ts'

const CALLERS = [
  'none',
  'unknown',
  'revoked',
  'expired',
  'read',
  'write',
  'admin',
  'narrowed',
  'elsewhere',
  'root',
] as const
type Caller = (typeof CALLERS)[number]

let server: TestServer
let keys: Record<Caller, string | null>
let ids: Record<
  | 'organization'
  | 'other'
  | 'dataset'
  | 'report'
  | 'sibling'
  | 'othersDataset'
  | 'othersReport'
  | 'othersKey'
  | 'othersLive'
  | 'othersEvent'
  | 'othersName'
  | 'ownKey'
  | 'ownEvent'
  | `${'organization' | 'dataset' | 'sibling' | 'report' | 'ownKey' | 'othersKey' | 'chosen'}Node`,
  string
>

beforeAll(async () => {
  const env = await freshDatabase()
  const [other, othersStream, othersLive] = [randomUUID(), randomUUID(), randomUUID()]
  // A live connection of another organization, on a server that does not exist: it stays open after it is ended.
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${other}', 'Other');
     INSERT INTO stream (id, organization_id, kind) VALUES ('${othersStream}', '${other}', 'DATASET');
     INSERT INTO live_node VALUES ('${other}', now() + interval '1 day');
     INSERT INTO live_connection (id, node_id, organization_id, stream_id, transport, opened_at, position)
       VALUES ('${othersLive}', '${other}', '${other}', '${othersStream}', 'WEBSOCKET', now(), 0)`,
  )
  server = await startServer(env)
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization, { trackingId: 'tracked' })
  const [report, sibling] = [await newReport(server, organization), await newDataset(server, organization)]
  const [othersDataset, othersReport] = [await newDataset(server, other), await newReport(server, other)]
  const { id: othersKey } = await createKey(other, 'READ')
  const { id: ownKey } = await createKey(organization, 'READ')
  const [event] = await recordWorkerEvents(server, othersDataset, [{ eventType: 'ETL_STARTED' }])
  const othersEvent = event?.id as string
  ids = {
    organization,
    other,
    dataset,
    report,
    sibling,
    othersDataset,
    othersReport,
    othersKey,
    othersLive,
    othersEvent,
    // A UUID, as a tracking id could contain it.
    othersName: othersDataset.replaceAll('-', ''),
    ownKey,
    ownEvent: randomUUID(),
    organizationNode: nodeId('Organization', organization),
    datasetNode: nodeId('Dataset', dataset),
    siblingNode: nodeId('Dataset', sibling),
    reportNode: nodeId('Report', report),
    ownKeyNode: nodeId('ApiKey', ownKey),
    othersKeyNode: nodeId('ApiKey', othersKey),
    chosenNode: nodeId('Dataset', othersKey),
  }
  // Chosen ids: streams here that have the ids of objects of another organization.
  await newDataset(server, organization, { id: othersKey })
  await newReport(server, organization, { id: othersLive })
  await newReport(server, organization, { id: othersEvent })
  await recordWorkerEvents(server, dataset, [{ id: ids.ownEvent, eventType: 'ETL_STARTED' }])
  await recordWorkerEvents(server, sibling, [{ eventType: 'ETL_STARTED' }])
  await recordReportEvents(server, report, [{ state: { message: 'go', state: 'PLANNING' } }])
  const revoked = await createKey(organization, 'ADMIN')
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: revoked.id }))
  const expiresAt = new Date(Date.now() + 2_000).toISOString()
  const expired = await newKey(server, organization, 'ADMIN', { expiresAt })
  keys = {
    none: null,
    unknown: 'tidemark_unknown',
    revoked: revoked.key,
    expired,
    read: await newKey(server, organization, 'READ'),
    write: await newKey(server, organization, 'WRITE'),
    admin: await newKey(server, organization, 'ADMIN'),
    narrowed: await newKey(server, organization, 'ADMIN', { datasetIds: [dataset] }),
    elsewhere: await newKey(server, other, 'ADMIN'),
    root: server.rootKey,
  }
  // The server clock decides; polling until the key is rejected waits exactly as long as needed.
  while (
    !(await server.graphql('{ organization(id: "00000000-0000-0000-0000-000000000000") { id } }', {}, expired)).errors
  );
})
afterAll(() => server[Symbol.asyncDispose]())

function nodeId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64')
}

async function createKey(organizationId: string, role: string): Promise<{ key: string; id: string }> {
  const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }'
  const { createApiKey } = expectData(await server.graphql(query, { input: { organizationId, role } }))
  return { key: createApiKey.key, id: createApiKey.apiKey.id }
}

// The result of each root field for each caller: data, null, or the code of an error.
const anonymous = {
  none: 'UNAUTHENTICATED',
  unknown: 'UNAUTHENTICATED',
  revoked: 'UNAUTHENTICATED',
  expired: 'UNAUTHENTICATED',
} as const
const reads = {
  ...anonymous,
  read: 'data',
  write: 'data',
  admin: 'data',
  narrowed: 'data',
  elsewhere: 'NOT_FOUND',
  root: 'data',
} as const
const sees = { ...reads, elsewhere: 'null' } as const
const writes = { ...reads, read: 'FORBIDDEN' } as const
const creates = { ...writes, narrowed: 'FORBIDDEN', elsewhere: 'FORBIDDEN' } as const
const changes = { ...writes, narrowed: 'FORBIDDEN' } as const
const deletes = {
  ...changes,
  write: 'FORBIDDEN',
  admin: 'BAD_USER_INPUT',
  root: 'BAD_USER_INPUT',
} as const
const administers = { ...creates, write: 'FORBIDDEN' } as const

const TABLE: [field: string, operation: string, expected: Record<Caller, string>][] = [
  ['viewer', 'query { viewer { role } }', { ...all('data'), ...anonymous }],
  ['the organization of viewer', 'query { viewer { organization { id } } }', { ...all('data'), ...anonymous }],
  ['organization', 'query { organization(id: $organization) { id } }', { ...sees, narrowed: 'null' }],
  [
    'organizations',
    'query { organizations(first: 1) { nodes { id datasets { totalCount } } } }',
    { ...all('data'), ...anonymous },
  ],
  [
    'keys of an organization',
    'query { organization(id: $organization) { apiKeys { totalCount } } }',
    { ...administers, narrowed: 'null', elsewhere: 'null' },
  ],
  ['datasets', 'query { datasets(organizationId: $organization) { totalCount } }', { ...all('data'), ...anonymous }],
  ['reports', 'query { reports(organizationId: $organization) { totalCount } }', { ...all('data'), ...anonymous }],
  ['event of a dataset', 'query { event(id: $ownEvent, datasetId: $dataset) { __typename } }', reads],
  [
    'event of a report',
    'query { event(id: $ownEvent, reportId: $report) { __typename } }',
    { ...reads, read: 'null', write: 'null', admin: 'null', narrowed: 'NOT_FOUND', root: 'null' },
  ],
  [
    'event of another dataset',
    'query { event(id: $ownEvent, datasetId: $sibling) { __typename } }',
    { ...reads, read: 'null', write: 'null', admin: 'null', narrowed: 'NOT_FOUND', root: 'null' },
  ],
  ['dataset by id', 'query { dataset(id: $dataset) { id } }', sees],
  ['dataset by tracking id', 'query { dataset(trackingId: "tracked", organizationId: $organization) { id } }', sees],
  ['another dataset', 'query { dataset(id: $sibling) { id } }', { ...sees, narrowed: 'null' }],
  ['report', 'query { report(id: $report) { id } }', { ...sees, narrowed: 'null' }],
  ['node of an organization', 'query { node(id: $organizationNode) { nodeId } }', { ...sees, narrowed: 'null' }],
  ['node of a dataset', 'query { node(id: $datasetNode) { nodeId } }', sees],
  ['node of another dataset', 'query { node(id: $siblingNode) { nodeId } }', { ...sees, narrowed: 'null' }],
  ['node of a report', 'query { node(id: $reportNode) { nodeId } }', { ...sees, narrowed: 'null' }],
  ['node of an API key', 'query { node(id: $ownKeyNode) { nodeId } }', { ...hidden(), admin: 'data', root: 'data' }],
  [
    "node of another organization's API key",
    'query { node(id: $othersKeyNode) { nodeId } }',
    { ...hidden(), elsewhere: 'data', root: 'data' },
  ],
  ['nodes', 'query { nodes(ids: [$datasetNode]) { nodeId } }', { ...all('data'), ...anonymous }],
  ['workerEvents', 'query { workerEvents(datasetId: $dataset) { totalCount } }', reads],
  [
    'workerEvents of another dataset',
    'query { workerEvents(datasetId: $sibling) { totalCount } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  ['workerEventPage', 'query { workerEventPage(datasetId: $dataset) { totalCount } }', reads],
  ['reportEvents', 'query { reportEvents(reportId: $report) { totalCount } }', { ...reads, narrowed: 'NOT_FOUND' }],
  [
    'workerEvents of a report',
    'query { workerEvents(datasetId: $report) { totalCount } }',
    { ...notFound(), ...anonymous },
  ],
  ['recordWorkerEvents', 'mutation { recordWorkerEvents(datasetId: $dataset, events: []) { results { id } } }', writes],
  [
    'recordReportEvents',
    'mutation { recordReportEvents(reportId: $report, events: []) { results { id } } }',
    { ...writes, narrowed: 'NOT_FOUND' },
  ],
  [
    'createOrganization',
    'mutation { createOrganization(input: { name: "x" }) { id } }',
    { ...allForbidden(), ...anonymous, root: 'data' },
  ],
  ['createDataset', 'mutation { createDataset(input: { organizationId: $organization }) { id } }', creates],
  ['createReport', 'mutation { createReport(input: { organizationId: $organization }) { id } }', creates],
  [
    'updateOrganization',
    'mutation { updateOrganization(input: { id: $organization, name: "x" }) { id } }',
    administers,
  ],
  ['updateDataset', 'mutation { updateDataset(input: { id: $dataset, name: "x" }) { id } }', changes],
  ['updateDataset, another one', 'mutation { updateDataset(input: { id: $sibling, name: "x" }) { id } }', changes],
  ['updateReport', 'mutation { updateReport(input: { id: $report, name: "x" }) { id } }', changes],
  // The confirmation is checked last.
  [
    'deleteOrganization',
    'mutation { deleteOrganization(id: $organization, confirm: "") { id } }',
    { ...allForbidden(), ...anonymous, root: 'BAD_USER_INPUT' },
  ],
  ['deleteDataset', 'mutation { deleteDataset(id: $dataset, confirm: "") { id } }', deletes],
  ['deleteDataset, another one', 'mutation { deleteDataset(id: $sibling, confirm: "") { id } }', deletes],
  ['deleteReport', 'mutation { deleteReport(id: $report, confirm: "") { id } }', deletes],
  // The only information about hidden objects: that an id is in use.
  [
    "createDataset with the id of another organization's report",
    'mutation { createDataset(input: { organizationId: $organization, id: $othersReport }) { id } }',
    { ...creates, write: 'CONFLICT', admin: 'CONFLICT', root: 'CONFLICT' },
  ],
  [
    "createReport with the id of another organization's dataset",
    'mutation { createReport(input: { organizationId: $organization, id: $othersDataset }) { id } }',
    { ...creates, write: 'CONFLICT', admin: 'CONFLICT', root: 'CONFLICT' },
  ],
  [
    'createApiKey',
    'mutation { createApiKey(input: { organizationId: $organization, role: READ }) { apiKey { id } } }',
    administers,
  ],
  ['apiKeys', 'query { apiKeys(organizationId: $organization) { totalCount } }', administers],
  ['liveConnections', 'query { liveConnections(organizationId: $organization) { totalCount } }', administers],
  [
    'endLiveConnection of an unknown id',
    'mutation { endLiveConnection(id: $report) { id } }',
    { ...administers, admin: 'NOT_FOUND', elsewhere: 'NOT_FOUND', root: 'NOT_FOUND' },
  ],
  [
    'setRetention of an organization',
    'mutation { setRetention(of: { organizationId: $organization }) { maxEvents } }',
    { ...administers, admin: 'null', root: 'null' },
  ],
  [
    'setRetention of a dataset',
    'mutation { setRetention(of: { datasetId: $dataset }) { maxEvents } }',
    { ...writes, write: 'FORBIDDEN', admin: 'null', narrowed: 'null', root: 'null' },
  ],
  [
    'setRetention of a report',
    'mutation { setRetention(of: { reportId: $report }) { maxEvents } }',
    { ...writes, write: 'FORBIDDEN', admin: 'null', narrowed: 'NOT_FOUND', root: 'null' },
  ],
  [
    'redactWorkerEvent of an unknown id',
    'mutation { redactWorkerEvent(datasetId: $dataset, id: $report) { id } }',
    { ...notFound(), ...anonymous, read: 'FORBIDDEN', write: 'FORBIDDEN' },
  ],
  [
    'redactReportEvent of an unknown id',
    'mutation { redactReportEvent(reportId: $report, id: $report) { __typename } }',
    { ...notFound(), ...anonymous, read: 'FORBIDDEN', write: 'FORBIDDEN' },
  ],
  [
    'endLiveConnection of another organization',
    'mutation { endLiveConnection(id: $othersLive) { id } }',
    { ...administers, admin: 'NOT_FOUND', elsewhere: 'data' },
  ],
  ['auditEntries', 'query { auditEntries(organizationId: $organization) { nodes { id } } }', administers],
  ['workerEvents, live', 'subscription { workerEvents(datasetId: $dataset, from: BEGINNING) { cursor } }', reads],
  [
    'workerEvents of another dataset, live',
    'subscription { workerEvents(datasetId: $sibling, from: BEGINNING) { cursor } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  [
    'reportEvents, live',
    'subscription { reportEvents(reportId: $report, from: BEGINNING) { cursor } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  ['workerEventBatches, live', 'subscription { workerEventBatches(datasetId: $dataset, tail: 5) { cursor } }', reads],
  [
    'workerEventBatches of another dataset, live',
    'subscription { workerEventBatches(datasetId: $sibling, tail: 5) { cursor } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  [
    'reportEventBatches, live',
    'subscription { reportEventBatches(reportId: $report, tail: 5) { cursor } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  [
    'reportSnapshots, live',
    'subscription { reportSnapshots(reportId: $report) { cursor } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  [
    'revokeApiKey of an unknown id',
    'mutation { revokeApiKey(id: $report) { id } }',
    {
      ...administers,
      admin: 'NOT_FOUND',
      elsewhere: 'NOT_FOUND',
      root: 'NOT_FOUND',
    },
  ],
  [
    "revokeApiKey of another organization's key",
    'mutation { revokeApiKey(id: $othersKey) { id } }',
    { ...administers, admin: 'NOT_FOUND', elsewhere: 'data' },
  ],
]

// An object with the id of another organization's object is neither that object nor a way to access it.
const rejectsId = { ...creates, write: 'CONFLICT', admin: 'CONFLICT', root: 'CONFLICT' }
const hidesFromNarrowed = { ...sees, narrowed: 'null' }
const CHOSEN_IDS: typeof TABLE = [
  [
    "createDataset with another organization's id",
    'mutation { createDataset(input: { organizationId: $organization, id: $other }) { id } }',
    rejectsId,
  ],
  [
    "createReport with another organization's id",
    'mutation { createReport(input: { organizationId: $organization, id: $other }) { id } }',
    rejectsId,
  ],
  [
    "createDataset with its organization's own id",
    'mutation { createDataset(input: { organizationId: $organization, id: $organization }) { id } }',
    rejectsId,
  ],
  [
    "createOrganization with a dataset's id",
    'mutation { createOrganization(input: { id: $dataset, name: "x" }) { id } }',
    { ...allForbidden(), ...anonymous, root: 'CONFLICT' },
  ],
  ["a dataset with the id of another's key", 'query { dataset(id: $othersKey) { id } }', hidesFromNarrowed],
  ["node of a dataset with the id of another's key", 'query { node(id: $chosenNode) { nodeId } }', hidesFromNarrowed],
  ["a report with the id of another's event", 'query { report(id: $othersEvent) { id } }', hidesFromNarrowed],
  ["a report with the id of another's connection", 'query { report(id: $othersLive) { id } }', hidesFromNarrowed],
  [
    "events of a report with the id of another's event",
    'query { reportEvents(reportId: $othersEvent) { totalCount } }',
    { ...reads, narrowed: 'NOT_FOUND' },
  ],
  [
    "setRetention of a dataset with the id of another's key",
    'mutation { setRetention(of: { datasetId: $othersKey }) { maxEvents } }',
    { ...writes, write: 'FORBIDDEN', admin: 'null', narrowed: 'NOT_FOUND', root: 'null' },
  ],
  [
    'setRetention of an organization by the id of a dataset',
    'mutation { setRetention(of: { organizationId: $dataset }) { maxEvents } }',
    { ...allForbidden(), ...anonymous, root: 'NOT_FOUND' },
  ],
  [
    'setRetention of a dataset by the id of its organization',
    'mutation { setRetention(of: { datasetId: $organization }) { maxEvents } }',
    { ...notFound(), ...anonymous },
  ],
  [
    "redactReportEvent of another's event by a report with its id",
    'mutation { redactReportEvent(reportId: $othersEvent, id: $othersEvent) { __typename } }',
    { ...notFound(), ...anonymous, read: 'FORBIDDEN', write: 'FORBIDDEN' },
  ],
  [
    "revokeApiKey of another's key that has the id of a dataset",
    'mutation { revokeApiKey(id: $othersKey) { id } }',
    { ...administers, admin: 'NOT_FOUND', elsewhere: 'data' },
  ],
  [
    "endLiveConnection of another's that has the id of a report",
    'mutation { endLiveConnection(id: $othersLive) { id } }',
    { ...administers, admin: 'NOT_FOUND', elsewhere: 'data' },
  ],
  [
    "a tracking id that reads as the id of another's dataset",
    'query { dataset(trackingId: $othersName, organizationId: $organization) { id } }',
    { ...all('null'), ...anonymous },
  ],
  [
    "events of a report by the id of another's key, live",
    'subscription { reportEvents(reportId: $othersKey, from: BEGINNING) { cursor } }',
    { ...notFound(), ...anonymous },
  ],
]

function all(outcome: string): Record<Caller, string> {
  return Object.fromEntries(CALLERS.map((caller) => [caller, outcome])) as Record<Caller, string>
}
function hidden() {
  return { ...all('null'), ...anonymous }
}
function notFound() {
  return all('NOT_FOUND')
}
function allForbidden() {
  return all('FORBIDDEN')
}

/** The first result, over each transport. */
const TRANSPORTS: Record<string, (text: string, key: string | null) => Promise<Result>> = {
  HTTP: (text, key) => server.graphql(text, {}, key),
  'server-sent events': async (query, key) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(key !== null && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ query }),
    })
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk)
      const [, result] = /^event: next\n(?:id: .*\n)?data: (.*)\n/m.exec(text) ?? []
      if (result) return JSON.parse(result)
    }
    throw new Error(`Ended after ${text}`)
  },
  WebSocket: async (query, key) => {
    const client = clientOf(key)
    try {
      for await (const result of client.iterate({ query })) return result as unknown as Result
    } catch (error) {
      // Without a valid key no connection is accepted.
      if ((error as { code?: number }).code !== 4401) return { data: null, errors: error as Result['errors'] }
      return { data: null, errors: [{ message: '', extensions: { code: 'UNAUTHENTICATED' } }] }
    }
    throw new Error('Completed without a result.')
  },
}

const clients = new Map<string | null, Client>()

/** Each caller has one socket, opened by the first operation and by each one after a rejection. */
function clientOf(key: string | null): Client {
  const existing = clients.get(key)
  if (existing) return existing
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 60_000,
    connectionParams: key === null ? {} : { authorization: `Bearer ${key}` },
  })
  clients.set(key, client)
  return client
}
afterAll(async () => {
  for (const client of clients.values()) await client.dispose()
})

describe.each([...TABLE, ...CHOSEN_IDS])('%s', (_field, operation, expected) => {
  const transports = Object.entries(TRANSPORTS).filter(
    ([name]) => name !== 'HTTP' || !operation.startsWith('subscription'),
  )
  test.each(CALLERS)('for the caller: %s', async (caller) => {
    const text = operation.replaceAll(/\$(\w+)/g, (_, name: keyof typeof ids) => `"${ids[name]}"`)
    const outcomes: Record<string, string> = {}
    for (const [transport, ask] of transports) {
      const { data, errors } = await ask(text, keys[caller])
      const value = data && Object.values(data)[0]
      const codes = errors?.map(({ extensions }) => extensions.code).join()
      outcomes[transport] = codes ?? (value === null ? 'null' : 'data')
    }
    expect(outcomes).toEqual(Object.fromEntries(transports.map(([transport]) => [transport, expected[caller]])))
  })
})

test('A CONFLICT is the same for every kind and owner of an id in use', async () => {
  const { organization } = ids
  const said = new Set<string | undefined>()
  for (const type of ['Dataset', 'Report'])
    for (const id of [ids.dataset, ids.report, ids.othersDataset, ids.othersReport]) {
      const query = `mutation ($input: Create${type}Input!) { create: create${type}(input: $input) { id } }`
      const { errors } = await server.graphql(query, { input: { organizationId: organization, id } }, keys.write)
      said.add(JSON.stringify([errors?.[0]?.message, errors?.[0]?.extensions, errors?.[0]?.path]))
    }
  expect([...said]).toEqual(['["The id or tracking id is already in use.",{"code":"CONFLICT"},["create"]]'])
})

test('Every root field is in the table', () => {
  const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  )
  const operations = TABLE.map(([, operation]) => operation)
  expect(fields.filter((field) => !operations.some((operation) => new RegExp(` ${field}\\b`).test(operation)))).toEqual(
    [],
  )
})

describe.each<[string, keyof typeof ids | 'nowhere', Partial<Record<Caller, number>>]>([
  ['the dataset', 'dataset', {}],
  ['another dataset', 'sibling', { narrowed: 401 }],
  ['no dataset', 'nowhere', Object.fromEntries(CALLERS.map((caller) => [caller, 404]))],
  [
    "another organization's dataset, its id written as a tracking id may be",
    'othersName',
    { read: 401, write: 401, admin: 401, narrowed: 401, elsewhere: 200 },
  ],
])("Trieve's route for %s", (_, name, expected) => {
  test.each(CALLERS)('for the caller: %s', async (caller) => {
    const key = keys[caller]
    const response = await fetch(`${server.url}/api/dataset/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'tr-dataset': name === 'nowhere' ? randomUUID() : ids[name],
        'tr-organization': ids.organization,
        ...(key !== null && { authorization: `Bearer ${key}` }),
      },
      body: '{}',
    })
    const usual = caller in anonymous || caller === 'elsewhere' ? 401 : 200
    expect(response.status).toBe(expected[caller] ?? usual)
  })
})

describe.each<[string, string]>([
  ['list', 'application/json'],
  ['stream', 'text/event-stream'],
])("LlamaCloud's route as a %s", (_, accept) => {
  test.each(CALLERS)('for the caller: %s', async (caller) => {
    const key = keys[caller]
    const leaving = new AbortController()
    const status = async (report: string) => {
      const headers = { accept, ...(key !== null && { authorization: `Bearer ${key}` }) }
      const path = `/api/v1/reports/${report}/events`
      return (await fetch(`${server.url}${path}`, { headers, signal: leaving.signal })).status
    }
    const isAnonymous = caller in anonymous
    // A report that does not exist and a hidden one are indistinguishable.
    const hidden = isAnonymous ? 401 : 404
    expect(await status(ids.report)).toBe(
      isAnonymous ? 401 : caller === 'narrowed' || caller === 'elsewhere' ? 404 : 200,
    )
    expect(await status(randomUUID())).toBe(hidden)
    leaving.abort()
  })
})

describe('an API key', () => {
  test('is returned once and stored as a hash', async () => {
    const { key, id } = await createKey(ids.organization, 'READ')
    expect(key).toMatch(/^tidemark_[\w-]{43}$/)
    const query =
      'mutation ($id: UUID!) { revokeApiKey(id: $id) { prefix organizationId organization { id } role datasetIds ' +
      'revokedAt } }'
    const { revokeApiKey } = expectData(await server.graphql(query, { id }))
    expect(revokeApiKey).toMatchObject({
      prefix: key.slice(0, 16),
      organizationId: ids.organization,
      organization: { id: ids.organization },
      role: 'READ',
      datasetIds: [],
    })
    const again = expectData(await server.graphql(query, { id })).revokeApiKey
    expect(again.revokedAt).toBe(revokeApiKey.revokedAt)
  })

  test('of another organization cannot be revoked, and continues to work', async () => {
    const { key, id } = await createKey(ids.other, 'READ')
    const { errors } = await server.graphql(
      'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }',
      { id },
      keys.admin,
    )
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
    expectData(await server.graphql('query ($id: UUID!) { organization(id: $id) { id } }', { id: ids.other }, key))
  })

  test.each([
    ['an empty list of datasets', { datasetIds: [] }, 'BAD_USER_INPUT'],
    ['an empty list of reports', { reportIds: [] }, 'BAD_USER_INPUT'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 'BAD_USER_INPUT'],
    ['a dataset that does not exist', { datasetIds: [randomUUID()] }, 'NOT_FOUND'],
    ['a report that does not exist', { reportIds: [randomUUID()] }, 'NOT_FOUND'],
    ['an organization that does not exist', { organizationId: randomUUID() }, 'NOT_FOUND'],
  ])('cannot be created with %s', async (_, extra, code) => {
    const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }'
    const { errors } = await server.graphql(query, {
      input: { organizationId: ids.organization, role: 'READ', ...extra },
    })
    expect(errors).toMatchObject([{ extensions: { code } }])
  })

  test('cannot be restricted to a dataset of another organization', async () => {
    const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }'
    const { errors } = await server.graphql(query, {
      input: { organizationId: ids.other, role: 'READ', datasetIds: [ids.dataset] },
    })
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })

  test.each(['bearer', 'BEARER', 'Bearer '])('is accepted with the scheme written "%s"', async (scheme) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `${scheme} ${keys.read}` },
      body: JSON.stringify({ query: `{ dataset(id: "${ids.dataset}") { id } }` }),
    })
    expect(await response.json()).toEqual({ data: { dataset: { id: ids.dataset } } })
  })

  test.each(['Basic', 'Token', ''])('is rejected with the scheme "%s"', async (scheme) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `${scheme} ${keys.read}` },
      body: JSON.stringify({ query: `{ dataset(id: "${ids.dataset}") { id } }` }),
    })
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })
})
