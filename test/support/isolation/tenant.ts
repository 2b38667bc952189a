import { randomUUID } from 'node:crypto'
import { WORKER_EVENT_TYPES } from '../../../src/log/worker-event-type.ts'
import { type DatabaseSettings, runSql } from '../database.ts'
import { newDataset, newKey, newReport, recordReportEvents, recordWorkerEvents } from '../seed.ts'
import { expectData, type TestServer } from '../server.ts'

const ROLES = ['READ', 'WRITE', 'ADMIN'] as const

/** A tenant with objects of every kind. */
export interface Tenant {
  organization: string
  dataset: string
  report: string
  event: string
  reportEvent: string
  apiKey: string
  liveConnection: string
  auditEntry: string
  project: string
  trackingId: string
  cursor: string
  /** A key of each role, by the role. */
  keys: Record<(typeof ROLES)[number], string>
  /** Values that only this tenant can see: names, payloads, and prefixes of its keys. */
  markers: string[]
}

/**
 * Inserts, while no server runs, a permanent live connection, with its organization and dataset.
 */
export async function insertTenant(env: DatabaseSettings, name: string) {
  const [organization, dataset, liveConnection, node] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const [live, trackingId] = [`Live${name}`, `tracked-${name}`]
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${organization}', 'organization-${name}');
     INSERT INTO stream (id, organization_id, kind) VALUES ('${dataset}', '${organization}', 'DATASET');
     INSERT INTO lost_events (stream_id, shared, lost) VALUES ('${dataset}', 3, 2);
     INSERT INTO dataset (id, organization_id, tracking_id, name)
       VALUES ('${dataset}', '${organization}', '${trackingId}', 'dataset-${name}');
     INSERT INTO live_node (id, seen_at) VALUES ('${node}', now() + interval '1 day');
     INSERT INTO live_connection (id, node_id, organization_id, stream_id, transport, operation_name, opened_at,
     position)
       VALUES ('${liveConnection}', '${node}', '${organization}', '${dataset}', 'WEBSOCKET', '${live}', now(), 1)`,
  )
  const markers = [`organization-${name}`, `dataset-${name}`, trackingId, live]
  return { name, organization, dataset, liveConnection, trackingId, markers }
}

/** Creates everything that the public interfaces can create. */
export async function furnishTenant(
  server: TestServer,
  { name, markers, ...inserted }: Awaited<ReturnType<typeof insertTenant>>,
): Promise<Tenant> {
  const { organization, dataset } = inserted
  const secret = (what: string) => {
    markers.push(`${what}-${name}`)
    return `${what}-${name}`
  }
  const project = randomUUID()
  const report = await newReport(server, organization, { projectId: project, name: secret('report') })
  const [eventType = ''] = Object.keys(WORKER_EVENT_TYPES)
    .map((type) => type.toUpperCase())
    .toSorted()
  const payload = (what: string) => ({ eventType, eventData: { text: secret(what) } })
  const [event, last] = await recordWorkerEvents(server, dataset, ['first', 'second'].map(payload))
  const node = { text: secret('source'), metadata: { secret: secret('metadata') } }
  const [reportEvent] = await recordReportEvents(server, report, [
    { blockUpdate: { message: secret('message'), block: { idx: 0, template: secret('block'), sources: [{ node }] } } },
    { progress: { variant: 'EDITING', message: secret('progress'), extraDetail: { secret: secret('detail') } } },
    { state: { message: secret('state'), state: 'GENERATING' } },
  ])
  const create = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id prefix } } }'
  const keys = {} as Tenant['keys']
  let apiKey = ''
  for (const role of ROLES) {
    const input = { organizationId: organization, role, name: secret(`key-${role}`) }
    const created = expectData(await server.graphql(create, { input })).createApiKey
    keys[role] = created.key
    apiKey = created.apiKey.id
    markers.push(created.apiKey.prefix)
  }
  const policies = `mutation ($organization: UUID!, $dataset: UUID!) {
    organization: setRetention(of: { organizationId: $organization }, policy: { maxEvents: 900000001 }) { maxEvents }
    dataset: setRetention(of: { datasetId: $dataset }, policy: { maxEvents: 900000002 }) { maxEvents }
  }`
  expectData(await server.graphql(policies, { organization, dataset }))
  const deleted = await newDataset(server, organization)
  const remove = 'mutation ($id: UUID!, $confirm: String!) { deleteDataset(id: $id, confirm: $confirm) { id } }'
  expectData(await server.graphql(remove, { id: deleted, confirm: deleted }))
  const audit = 'query ($id: UUID!) { auditEntries(organizationId: $id, first: 1) { nodes { id } } }'
  const { auditEntries } = expectData(await server.graphql(audit, { id: organization }))
  return {
    ...inserted,
    report,
    project,
    event: event?.id as string,
    cursor: last?.cursor as string,
    reportEvent: reportEvent?.id as string,
    apiKey,
    auditEntry: auditEntries.nodes[0].id,
    keys,
    markers,
  }
}

/** An id of each kind of object of a tenant. */
export function idsOf(tenant: Tenant): string[] {
  const { organization, dataset, report, event, reportEvent, apiKey, liveConnection, auditEntry } = tenant
  return [organization, dataset, report, event, reportEvent, apiKey, liveConnection, auditEntry]
}

/** The valid id for an argument of a name. */
export function homeOf({ organization, dataset, report, event, project }: Tenant): Record<string, string> {
  return {
    organizationId: organization,
    datasetId: dataset,
    datasetIds: dataset,
    reportId: report,
    reportIds: report,
    projectId: project,
    groupId: project,
    id: event,
  }
}

/** Keys of a tenant. */
export interface Keys {
  /** Those with all rights; the first is unrestricted. */
  strong: string[]
  weak: string[]
}

/** A key of each role, unrestricted and restricted to these streams. */
export async function keysOf(
  server: TestServer,
  { organization, keys }: Tenant,
  narrowed: { datasetIds: string[]; reportIds: string[] },
): Promise<Keys> {
  const [read, write, admin] = (await Promise.all(
    ROLES.map((role) => newKey(server, organization, role, narrowed)),
  )) as [string, string, string]
  return { strong: [keys.ADMIN, admin], weak: [keys.READ, read, keys.WRITE, write] }
}
