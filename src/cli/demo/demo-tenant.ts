import { createClient, type Graphql } from './client.ts'
import type { Step } from './step.ts'

export interface DemoTenant {
  url: string
  key: string
  datasetId: string
  reportId: string
}

/** Uses the root key only to create organization and key. @throws GraphqlFailure UNAUTHENTICATED if it is invalid. */
export async function createDemoTenant(url: string, rootKey: string, about: string): Promise<DemoTenant> {
  const root = createClient(url, rootKey)
  const organizationId = await create(root, 'Organization', { name: 'Tidemark demo' })
  const { createApiKey } = await root<{ createApiKey: { key: string } }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }',
    { input: { organizationId, role: 'WRITE', name: 'tidemark demo' } },
  )
  const { key } = createApiKey
  const client = createClient(url, key)
  const trackingId = `demo-${new Date().toISOString()}`
  const datasetId = await create(client, 'Dataset', { organizationId, trackingId, name: `Markdown of ${about}` })
  const reportId = await create(client, 'Report', { organizationId, name: `Report on ${about}` })
  return { url, key, datasetId, reportId }
}

/** Records steps one by one. @returns the event's `seq`. */
export function createRecorder({ url, key, datasetId, reportId }: DemoTenant): (step: Step) => Promise<number> {
  const client = createClient(url, key)
  return async ({ stream, event }) => {
    const payload = await (stream === 'dataset'
      ? client<Recorded>(RECORD_WORKER_EVENTS, { id: datasetId, events: [event] })
      : client<Recorded>(RECORD_REPORT_EVENTS, { id: reportId, events: [event] }))
    const [result] = payload.recorded.results
    if (result?.outcome !== 'RECORDED') throw new Error(`The event was not recorded: ${JSON.stringify(payload)}`)
    return result.seq
  }
}

interface Recorded {
  recorded: { results: { seq: number; outcome: string }[] }
}

const RECORD_WORKER_EVENTS = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
  recorded: recordWorkerEvents(datasetId: $id, events: $events) { results { seq outcome } }
}`

const RECORD_REPORT_EVENTS = `mutation ($id: UUID!, $events: [ReportEventInput!]!) {
  recorded: recordReportEvents(reportId: $id, events: $events) { results { seq outcome } }
}`

async function create(client: Graphql, type: 'Organization' | 'Dataset' | 'Report', input: object): Promise<string> {
  const query = `mutation ($input: Create${type}Input!) { created: create${type}(input: $input) { id } }`
  const { created } = await client<{ created: { id: string } }>(query, { input })
  return created.id
}
