import { expect, test } from 'vitest'
import { holdLock, lockWaits } from '../support/lock.ts'
import { newDataset, newOrganization } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'

test('A subscription that begins while its server stops receives an error to retry', async () => {
  const server = await startServer()
  const dataset = await newDataset(server, await newOrganization(server))
  const follow = () => overSse(server.url, server.rootKey, FOLLOW, { id: dataset })
  const early = follow()
  await early.start()
  const lock = await holdLock(server.env, 'LOCK TABLE stream')
  const late = fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${server.rootKey}`,
    },
    body: JSON.stringify({ query: FOLLOW, variables: { id: dataset } }),
  })
  // Its own, and the one that compares followed streams with the database.
  await until(async () => (await lockWaits(server.env)) >= 2)
  const stopped = server[Symbol.asyncDispose]()
  expect(await early.failure()).toBe('broken off')
  await lock[Symbol.asyncDispose]()
  const rejected = await late
  expect([rejected.status, rejected.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await rejected.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE', retryAfter: 1 } }] })
  await stopped
})
