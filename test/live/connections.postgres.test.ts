import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withoutEpoch } from '../support/cursor.ts'
import { runSql } from '../support/database.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { samples } from '../support/metrics.ts'
import { raw, request } from '../support/raw.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const LIST = 'query ($id: UUID!) { liveConnections(organizationId: $id) { nodes { id } } }'

test('The live connections of a killed server are no longer listed', async () => {
  await using here = await startServer()
  const list = async (id: string) => expectData(await here.graphql(LIST, { id })).liveConnections.nodes
  const organization = await newOrganization(here)
  const dataset = await newDataset(here, organization)
  const third = await startServer(here.env)
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'
  const reader = overSse(third.url, third.rootKey, query, { id: dataset })
  await until(async () => (await list(organization)).length === 1)
  await third[Symbol.asyncDispose]()
  expect(await list(organization)).toEqual([])
  await reader.end()
})

test('A server that others took for gone lists its connections again', async () => {
  await using here = await startServer()
  const list = async (id: string) => expectData(await here.graphql(LIST, { id })).liveConnections.nodes
  const organization = await newOrganization(here)
  const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'
  const reader = overSse(here.url, here.rootKey, query, { id: await newDataset(here, organization) })
  await until(async () => (await list(organization)).length === 1)
  // As another server does after it has heard nothing for minutes.
  await runSql(here.env, 'DELETE FROM live_node')
  expect(await list(organization)).toEqual([])
  await until(async () => (await list(organization)).length === 1)
  await reader.end()
})

test('A slow response above the limit of its key is ended, once it is being sent', async () => {
  await using here = await startServer({ MAX_SOCKETS_PER_KEY: '1' })
  const report = await newReport(here, await newOrganization(here))
  const state = { message: 'x'.repeat(1_000_000), state: 'GENERATING' }
  // More than the socket buffers of both sides.
  for (let i = 0; i < 6; i++) await recordReportEvents(here, report, Array(4).fill({ state }))
  const headers = { authorization: `Bearer ${here.rootKey}` }
  const clients = await Promise.all([raw(here.url), raw(here.url)])
  for (const client of clients) client.send(request(`/api/v1/reports/${report}/events`, headers))
  const kept = await Promise.race(clients.map((client, i) => client.broken().then(() => clients[1 - i])))
  const name = 'tidemark_requests_total{transport="llamacloud",outcome="RATE_LIMITED"}'
  await until(async () => (await samples(here.url)).get(name) === 1)
  const text = (await kept?.read(/\]\r\n0\r\n\r\n$/)) ?? ''
  expect(text.match(/"event_type":/g)).toHaveLength(24)
})

test('A stream that starts slowly takes the last place of its key once, and keeps it', async () => {
  await using here = await startServer({ MAX_SOCKETS_PER_KEY: '1' })
  const dataset = await newDataset(here, await newOrganization(here))
  await recordWorkerEvents(here, dataset, [{ eventType: 'ETL_STARTED' }])
  const page = 'query ($id: UUID!) { workerEvents(datasetId: $id, first: 1) { pageInfo { endCursor } } }'
  const { pageInfo } = expectData(await here.graphql(page, { id: dataset })).workerEvents
  const query = 'subscription ($id: UUID!, $after: String) { workerEvents(datasetId: $id, after: $after) { cursor } }'
  // Only the start of such a subscription reads the epochs of its stream.
  const variables = { id: dataset, after: withoutEpoch(pageInfo.endCursor) }
  const follow = () => overSse(here.url, here.rootKey, query, variables)
  const lock = await holdLock(here.env, 'LOCK TABLE stream_epoch')
  const reader = follow()
  await until(async () => (await lockWaits(here.env)) === 1)
  // After two seconds it counts as a slow response.
  await setTimeout(3_000)
  await lock[Symbol.asyncDispose]()
  await reader.opened(here, 1)
  expect(await follow().failure()).toBe('RATE_LIMITED')
  await reader.end()
  await here.followers(0)
  const next = follow()
  await next.opened(here, 1)
  await next.end()
})
