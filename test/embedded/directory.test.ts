import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { serve, tidemark } from '../support/process.ts'
import { RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, graphql } from '../support/server.ts'

const KEY = 'test-root-api-key'

test('A second process on the same folder is refused at once, naming the holder, and the first goes on', async () => {
  const env = await freshDatabase()
  const first = await serve(env)
  const second = tidemark(['serve'], { ...env, PORT: '0' })
  expect(await second.exited).toBe(1)
  expect(second.output.stderr).toContain(`in use by process ${first.child.pid}`)
  expectData(await graphql(first.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, KEY))
  first.child.kill('SIGTERM')
  expect(await first.exited).toBe(0)
})

test('A killed process leaves no lock in the way, and every acknowledged event is there, once, after each kill', async () => {
  const env = await freshDatabase()
  const acknowledged = new Map<string, number>()
  let dataset = ''
  for (let round = 0; round < 2; round++) {
    const server = await serve(env)
    if (!dataset) {
      const { createOrganization } = expectData(
        await graphql(server.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, KEY),
      )
      const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id } }'
      dataset = expectData(await graphql(server.url, create, { input: { organizationId: createOrganization.id } }, KEY))
        .createDataset.id
    }
    // Writers go on until the kill breaks their connection; what was answered before that counts.
    let answered = 0
    const writer = async () => {
      for (;;) {
        const id = randomUUID()
        const result = await graphql(
          server.url,
          RECORD_WORKER_EVENTS,
          { id: dataset, events: [{ id, eventType: 'ETL_STARTED' }] },
          KEY,
        )
        acknowledged.set(id, expectData(result).recordWorkerEvents.results[0].seq)
        if (++answered === 40) server.child.kill('SIGKILL')
      }
    }
    await Promise.allSettled([writer(), writer(), writer()])
    expect(await server.exited).toBeNull()
  }
  const server = await serve(env)
  const query =
    'query ($id: UUID!) { workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) { totalCount nodes { id seq } } }'
  const { totalCount, nodes } = expectData(await graphql(server.url, query, { id: dataset }, KEY)).workerEvents
  expect(nodes.map((node: { seq: number }) => node.seq)).toEqual(Array.from({ length: totalCount }, (_, i) => i + 1))
  const stored = new Map(nodes.map((node: { id: string; seq: number }) => [node.id, node.seq]))
  for (const [id, seq] of acknowledged) expect(stored.get(id)).toBe(seq)
  expect(acknowledged.size).toBeGreaterThanOrEqual(80)
  // A retry of what was acknowledged answers its first position.
  const [id, seq] = [...acknowledged][0] as [string, number]
  const retry = await graphql(
    server.url,
    RECORD_WORKER_EVENTS,
    { id: dataset, events: [{ id, eventType: 'ETL_STARTED' }] },
    KEY,
  )
  expect(expectData(retry).recordWorkerEvents.results).toMatchObject([{ seq, outcome: 'DUPLICATE' }])
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})
