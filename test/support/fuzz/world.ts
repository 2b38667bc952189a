import { randomUUID } from 'node:crypto'
import { newDataset, newKey, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../seed.ts'
import { expectData, type TestServer } from '../server.ts'

/** Replaces placeholders in a text by existing ids, cursors and keys. */
export type Fill = (text: string) => string

/** Creates all objects that generated requests can refer to, and a key of each kind. */
export async function createWorld(server: TestServer): Promise<Fill> {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization, { trackingId: 'tracked' })
  const report = await newReport(server, organization, { projectId: randomUUID() })
  const endedReport = await newReport(server, organization)
  const workerEvents = Array.from({ length: 40 }, (_, i) => ({ eventType: 'ETL_STARTED', eventData: { i, text: '€' } }))
  const recorded = await recordWorkerEvents(server, dataset, workerEvents)
  const state = (state: string) => ({ state: { message: 'So it is', state } })
  const reported = await recordReportEvents(server, report, [
    state('GENERATING'),
    { progress: { variant: 'GENERATE_BLOCK', message: 'Half way', progress: 0.5 } },
    { blockUpdate: { block: { idx: 0, template: 'x', sources: [{ node: { text: 'y' }, score: 1 }] } } },
  ])
  await recordReportEvents(server, endedReport, [state('COMPLETED')])
  const key = (role: string, extra?: object) => newKey(server, organization, role, extra)
  const revoked = await createdKey(server, organization)
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: revoked.apiKey.id }))
  const names: Record<string, string | undefined> = {
    organization,
    dataset,
    otherDataset: await newDataset(server, await newOrganization(server)),
    report,
    endedReport,
    event: recorded[0]?.id,
    cursor: recorded[20]?.cursor,
    reportCursor: reported[1]?.cursor,
    nobody: randomUUID(),
    // Of an unused key: some operations revoke it.
    keyId: (await createdKey(server, organization)).apiKey.id,
    read: await key('READ'),
    write: await key('WRITE'),
    narrowed: await key('WRITE', { datasetIds: [dataset] }),
    admin: await key('ADMIN'),
    root: server.rootKey,
    revoked: revoked.key,
  }
  return (text) => text.replaceAll(/<(\w+)>/g, (whole, name) => names[name] ?? whole)
}

async function createdKey(server: TestServer, organizationId: string) {
  const query =
    'mutation ($id: UUID!) { createApiKey(input: { organizationId: $id, role: READ }) { key apiKey { id } } }'
  return expectData(await server.graphql(query, { id: organizationId })).createApiKey
}
