import { afterAll, beforeAll, expect, test } from 'vitest'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let neighbour: { dataset: string; key: string }

beforeAll(async () => {
  server = await startServer()
  const organization = await newOrganization(server)
  neighbour = { dataset: await newDataset(server, organization), key: await newKey(server, organization) }
  await recordWorkerEvents(server, neighbour.dataset, [{ eventType: 'ETL_STARTED' }])
})
afterAll(() => server[Symbol.asyncDispose]())

const ALIASES = Array.from(
  { length: 30 },
  (_, i) => `a${i}: workerEvents(datasetId: $id, types: [ETL_STARTED]) { totalCount }`,
).join(' ')

test.each([
  ['creating datasets', 'WRITE', 100, 'mutation ($o: UUID!) { createDataset(input: { organizationId: $o }) { id } }'],
  ['asking for thirty things at a time', 'READ', 40, `query ($id: UUID!) { ${ALIASES} }`],
])(
  'While one organization keeps the database busy with %s, another organization is next in turn',
  async (_, role, count, query) => {
    const organization = await newOrganization(server)
    const [key, id] = [await newKey(server, organization, role), await newDataset(server, organization)]
    let answered = 0
    const calls = Array.from({ length: count }, async () => {
      const variables = query.includes('$o') ? { o: organization } : { id }
      const result = await server.graphql(query, variables, key)
      answered++
      return result
    })
    await until(async () => (await metric(server.url, 'tidemark_database_waiting')) > 0)
    const before = answered
    const ask = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }'
    const { workerEvents } = expectData(await server.graphql(ask, { id: neighbour.dataset }, neighbour.key))
    expect(workerEvents.totalCount).toBe(1)
    expect(answered - before).toBeLessThan(count / 2)
    for (const result of await Promise.all(calls)) expectData(result)
  },
)
