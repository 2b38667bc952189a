import { randomUUID } from 'node:crypto'
import { expectData } from '../server.ts'
import type { Node } from './node.ts'
import { sendGraphql } from './send-request.ts'

/** An organization with a key of each role, a dataset and a report. */
export interface Tenant {
  organization: string
  dataset: string
  report: string
  read: string
  write: string
  admin: string
}

/** Creates one with the root key. */
export async function newTenant({ graphql }: Pick<Node, 'graphql'>, name: string): Promise<Tenant> {
  const create = async (query: string, variables: object) => expectData(await graphql(query, variables))
  const { createOrganization } = await create(
    'mutation ($name: String!) { createOrganization(input: { name: $name }) { id } }',
    { name },
  )
  const id = createOrganization.id as string
  const dataset = await create('mutation ($id: UUID!) { createDataset(input: { organizationId: $id }) { id } }', { id })
  const report = await create('mutation ($id: UUID!) { createReport(input: { organizationId: $id }) { id } }', { id })
  const key = async (role: string): Promise<string> => {
    const query =
      'mutation ($id: UUID!, $role: ApiKeyRole!) { createApiKey(input: { organizationId: $id, role: $role }) { key } }'
    return (await create(query, { id, role })).createApiKey.key
  }
  return {
    organization: id,
    dataset: dataset.createDataset.id,
    report: report.createReport.id,
    read: await key('READ'),
    write: await key('WRITE'),
    admin: await key('ADMIN'),
  }
}

const RECORD = {
  dataset: `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
    recordWorkerEvents(datasetId: $id, events: $events) { results { seq outcome } }
  }`,
  report: `mutation ($id: UUID!, $events: [ReportEventInput!]!) {
    recordReportEvents(reportId: $id, events: $events) { results { seq outcome } }
  }`,
}

/** Records events by ordinary calls with a key, sequentially. @throws if one is rejected. */
export async function record(
  { url }: Pick<Node, 'url'>,
  key: string,
  stream: { dataset: string } | { report: string },
  calls: Iterable<object[]>,
): Promise<void> {
  const [query, id] = 'report' in stream ? [RECORD.report, stream.report] : [RECORD.dataset, stream.dataset]
  for (const events of calls) {
    const response = await sendGraphql(url, key, query, { id, events })
    if (!response.text.includes('"results"'))
      throw new Error(`Not recorded: ${response.outcome} ${response.text.slice(0, 500)}`)
  }
}

/** Worker events of about this many bytes each. */
export function workerEvents(count: number, bytes = 20, first = 0): object[] {
  return Array.from({ length: count }, (_, i) => ({
    id: randomUUID(),
    eventType: 'ETL_STARTED',
    eventData: `${first + i} ${'x'.repeat(bytes)}`,
  }))
}

/** Block updates, each with its own index in the report. */
export function blockUpdates(count: number, first: number, block: object): object[] {
  return Array.from({ length: count }, (_, i) => ({
    blockUpdate: { block: { idx: first + i, template: `Block ${first + i}`, sources: [], ...block } },
  }))
}

/** Splits a number of items into calls of a given size. */
export function* inCalls(total: number, each: number, make: (count: number, first: number) => object[]) {
  for (let first = 0; first < total; first += each) yield make(Math.min(each, total - first), first)
}
