import { newDataset, newOrganization, recordWorkerEvents } from './seed.ts'
import { expectData, type TestServer } from './server.ts'
import { until } from './until.ts'

const SET = `mutation ($id: UUID!, $policy: RetentionPolicyInput) {
  setRetention(of: { datasetId: $id }, policy: $policy) { maxEvents }
}`
const COUNT = 'query ($id: UUID!) { workerEvents(datasetId: $id, first: 0) { totalCount } }'

/** Sets the retention policy of a dataset, which starts a sweep. */
export async function keepInDataset(server: TestServer, id: string, policy: object | null): Promise<void> {
  expectData(await server.graphql(SET, { id, policy }))
}

/** How many events of a dataset are kept. */
export async function keptIn(server: TestServer, id: string): Promise<number> {
  return expectData(await server.graphql(COUNT, { id })).workerEvents.totalCount
}

/** Resolves after a whole sweep of a server that began after this call. */
export async function swept(server: TestServer): Promise<void> {
  const probe = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(
    server,
    probe,
    Array.from({ length: 3 }, () => ({ eventType: 'ETL_STARTED' })),
  )
  // The second sweep begins after the end of the first.
  for (const maxEvents of [2, 1]) {
    await keepInDataset(server, probe, { maxEvents })
    await until(async () => (await keptIn(server, probe)) === maxEvents)
  }
}
