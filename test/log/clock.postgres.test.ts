import { expect, onTestFinished, test } from 'vitest'
import { faketimeInstalled, settableClock } from '../support/clock.ts'
import { serve } from '../support/process.ts'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { expectData, graphql, startServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const LIST = 'query ($id: UUID!) { liveConnections(organizationId: $id) { nodes { id } } }'
const END = 'mutation ($id: UUID!) { endLiveConnection(id: $id) { id } }'
const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'

test.runIf(faketimeInstalled)('A server whose clock is an hour behind is as visible as others', async () => {
  await using here = await startServer()
  const organization = await newOrganization(here)
  const dataset = await newDataset(here, organization)
  const clock = settableClock()
  clock.set('-1h')
  const there = await serve({ ...here.env, ...clock.env })
  onTestFinished(() => void there.child.kill('SIGKILL'))
  const reader = overSse(there.url, here.rootKey, FOLLOW, { id: dataset })
  const list = async () => expectData(await here.graphql(LIST, { id: organization })).liveConnections.nodes
  await until(async () => (await list()).length === 1)
  expectData(await here.graphql(END, { id: (await list())[0].id }))
  expect(await reader.failure()).toBe('FORBIDDEN')
})

test.runIf(faketimeInstalled)('A caller over its limit waits at most a minute if the clock is set back', async () => {
  await using here = await startServer()
  const key = await newKey(here, await newOrganization(here))
  const clock = settableClock()
  const limited = await serve({ ...here.env, ...clock.env, REQUESTS_PER_MINUTE: '1' })
  onTestFinished(() => void limited.child.kill('SIGKILL'))
  const ask = () => graphql(limited.url, '{ __typename }', {}, key)
  await ask()
  clock.set('-1h')
  const { errors } = await ask()
  expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
  expect(JSON.stringify(errors)).toMatch(/"retryAfter":([1-5]?\d|60)\D/)
})
