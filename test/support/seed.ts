import { expectData, type TestServer } from './server.ts'

// Fresh organizations, datasets and reports instead of cleaning up: an append-only log has nothing to clean.

export async function newOrganization(server: TestServer): Promise<string> {
  const { createOrganization } = expectData(
    await server.graphql('mutation { createOrganization(input: { name: "Acme" }) { id } }'),
  )
  return createOrganization.id
}

export async function newDataset(server: TestServer, organizationId: string, extra: object = {}): Promise<string> {
  const query = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
  return expectData(await server.graphql(query, { input: { organizationId, ...extra } })).createDataset.id
}

export async function newReport(server: TestServer, organizationId: string, extra: object = {}): Promise<string> {
  const query = 'mutation ($input: CreateReportInput!) { createReport(input: $input) { id } }'
  return expectData(await server.graphql(query, { input: { organizationId, ...extra } })).createReport.id
}

export async function newKey(
  server: TestServer,
  organizationId: string,
  role = 'READ',
  extra: object = {},
): Promise<string> {
  const query = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }'
  return expectData(await server.graphql(query, { input: { organizationId, role, ...extra } })).createApiKey.key
}

/** The response of a record call for each event. */
export interface Recorded {
  id: string
  seq: number
  cursor: string
  outcome: 'RECORDED' | 'DUPLICATE' | 'CONFLICT'
}

export const RECORD_WORKER_EVENTS = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
  recordWorkerEvents(datasetId: $id, events: $events) { results { id seq cursor outcome } }
}`

export const RECORD_REPORT_EVENTS = `mutation ($id: UUID!, $events: [ReportEventInput!]!) {
  recordReportEvents(reportId: $id, events: $events) { results { id seq cursor outcome } }
}`

export async function recordWorkerEvents(server: TestServer, datasetId: string, events: object[]): Promise<Recorded[]> {
  return expectData(await server.graphql(RECORD_WORKER_EVENTS, { id: datasetId, events })).recordWorkerEvents.results
}

export async function recordReportEvents(server: TestServer, reportId: string, events: object[]): Promise<Recorded[]> {
  return expectData(await server.graphql(RECORD_REPORT_EVENTS, { id: reportId, events })).recordReportEvents.results
}
