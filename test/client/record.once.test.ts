import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { createClient, type TidemarkError } from '../../src/client/client.ts'
import { test } from '../support/fixtures.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const started = (n: number) => ({ eventType: 'ETL_STARTED', eventData: { n } }) as const

async function numbersIn(server: TestServer, id: string): Promise<number[]> {
  const query = `query ($id: UUID!) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) { nodes { eventData } }
  }`
  const { nodes } = expectData(await server.graphql(query, { id })).workerEvents
  return nodes.map(({ eventData }: { eventData: { n: number } }) => eventData.n)
}

test('Calls that are not awaited are recorded in their order, with ids, and more at once than a request holds', async ({
  server,
}) => {
  const datasetId = await newDataset(server, await newOrganization(server))
  await using client = createClient({ url: server.url, key: server.rootKey })
  const calls = [1, 1_200, 3].map((count, call) =>
    client.record(
      { datasetId },
      Array.from({ length: count }, (_, i) => started(call * 10_000 + i)),
    ),
  )
  const results = (await Promise.all(calls)).flat()
  expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_204 }, (_, i) => i + 1))
  expect(new Set(results.map(({ id }) => id)).size).toBe(1_204)
  expect(await client.record({ datasetId }, [])).toEqual([])
})

test('Events of reports are recorded with their kind, and all pages are read again', async ({ server }) => {
  const reportId = await newReport(server, await newOrganization(server))
  await using client = createClient({ url: `${server.url}/graphql`, key: server.rootKey })
  const id = randomUUID()
  await client.record({ reportId }, [
    { state: { state: 'GENERATING', message: 'Started', id } },
    { progress: { variant: 'SUMMARIZE', message: 'Half', progress: 0.5 } },
    { blockUpdate: { block: { idx: 0, template: '# A' } } },
  ])
  const seen = []
  for await (const { edges } of client.pages({ reportId, first: 2 })) seen.push(edges.map(({ node }) => node))
  expect(seen.map(({ length }) => length)).toEqual([2, 1])
  expect(seen.flat()).toMatchObject([
    { __typename: 'StateEvent', id, state: 'GENERATING' },
    { __typename: 'ProgressEvent', variant: 'SUMMARIZE', progress: 0.5 },
    { __typename: 'BlockUpdateEvent', block: { idx: 0, template: '# A' } },
  ])
})

test('Pages without events, which would never end, are an error', async ({ server }) => {
  const datasetId = await newDataset(server, await newOrganization(server))
  await using client = createClient({ url: server.url, key: server.rootKey })
  await client.record({ datasetId }, [started(1)])
  await expect(client.pages({ datasetId, first: 0, signal: AbortSignal.timeout(5_000) }).next()).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
  })
})

test('A response that is lost is asked for again with the same ids, and later calls stay behind', async ({
  server,
}) => {
  const datasetId = await newDataset(server, await newOrganization(server))
  await using proxy = await tcpProxy(server.url)
  const retried: TidemarkError[] = []
  await using client = createClient({
    url: proxy.url,
    key: server.rootKey,
    silenceMs: 500,
    onRetry: (error) => retried.push(error),
  })
  // Opens the connection that then loses its answers.
  await client.record({ datasetId }, [started(0)])
  proxy.silence('answers')
  const calls = [1, 2, 3].map((n) => client.record({ datasetId }, [started(n)]))
  const results = (await Promise.all(calls)).flat()
  expect(results.map(({ seq }) => seq)).toEqual([2, 3, 4])
  // Which of them go over the old connection is up to fetch.
  expect(results.map(({ outcome }) => outcome)).toContain('DUPLICATE')
  expect(await numbersIn(server, datasetId)).toEqual([0, 1, 2, 3])
  expect(retried[0]).toMatchObject({ code: 'DISCONNECTED', message: expect.stringContaining('0.5 seconds') })
})

test('Ids of events that are stored otherwise are conflicts, and a call at fault takes no other with it', async ({
  server,
}) => {
  const datasetId = await newDataset(server, await newOrganization(server))
  await using client = createClient({ url: server.url, key: server.rootKey })
  const id = randomUUID()
  const wrong = { eventType: 'NO_SUCH_TYPE' as 'ETL_STARTED' }
  const [first, failed, second, conflict] = await Promise.allSettled([
    client.record({ datasetId }, [started(1)]),
    client.record({ datasetId }, [{ ...wrong, id }]),
    client.record({ datasetId }, [{ ...started(2), id }]),
    client.record({ datasetId }, [{ ...started(3), id }]),
  ])
  expect(first).toMatchObject({ value: [{ outcome: 'RECORDED', seq: 1 }] })
  expect(failed).toMatchObject({ reason: { code: 'BAD_USER_INPUT', details: { ids: [id], results: [] } } })
  expect(second).toMatchObject({ value: [{ outcome: 'RECORDED', seq: 2 }] })
  expect(conflict).toMatchObject({ value: [{ outcome: 'CONFLICT', seq: 2, id }] })
  expect(await numbersIn(server, datasetId)).toEqual([1, 2])
})

test('A signal ends a call that can not be sent, and not those behind it; a closed client records nothing', async ({
  server,
}) => {
  const datasetId = await newDataset(server, await newOrganization(server))
  await using proxy = await tcpProxy(server.url)
  await proxy.cut()
  let failures = 0
  const client = createClient({ url: proxy.url, key: server.rootKey, onRetry: () => void failures++ })
  const giveUp = new AbortController()
  const given = client.record({ datasetId }, [started(1)], { signal: giveUp.signal })
  const kept = client.record({ datasetId }, [started(2)])
  await until(() => failures > 1)
  giveUp.abort(new Error('Enough'))
  await expect(given).rejects.toThrow('Enough')
  await proxy.restore()
  await client.close()
  expect(await kept).toMatchObject([{ outcome: 'RECORDED', seq: 1 }])
  await expect(client.record({ datasetId }, [started(3)])).rejects.toThrow('closed')
  expect(await numbersIn(server, datasetId)).toEqual([2])
})

test('A key that is refused is asked for once more, and fails if it is the same', async ({ server }) => {
  const organization = await newOrganization(server)
  const datasetId = await newDataset(server, organization)
  const key = await newKey(server, organization, 'WRITE')
  const asked: (string | undefined)[] = []
  await using client = createClient({
    url: server.url,
    key: (refused) => {
      asked.push(refused)
      return refused === undefined ? 'wrong' : key
    },
  })
  expect(await client.record({ datasetId }, [started(1)])).toMatchObject([{ outcome: 'RECORDED' }])
  expect(asked).toEqual([undefined, 'wrong'])
  await using stubborn = createClient({ url: server.url, key: 'wrong' })
  await expect(stubborn.record({ datasetId }, [started(2)])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  await using reader = createClient({ url: server.url, key: await newKey(server, organization, 'READ') })
  await expect(reader.record({ datasetId }, [started(2)])).rejects.toMatchObject({ code: 'FORBIDDEN' })
  const elsewhere = createClient({ url: `${server.url}/nowhere`, key })
  await expect(elsewhere.record({ datasetId }, [started(2)])).rejects.toThrow('status 404')
})
