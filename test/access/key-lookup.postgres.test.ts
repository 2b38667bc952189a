import { expect, test } from 'vitest'
import { holdLock, lockWaits } from '../support/lock.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

/** As many as one statement looks up. */
const BATCH = 200

test('A repeated key in a full batch blocks no later lookup', async () => {
  await using server = await startServer()
  const ask = (key: string) => server.graphql('{ __typename }', {}, key)
  const lock = await holdLock(server.env, 'LOCK TABLE api_key')
  const asked = [ask('in-flight')]
  await until(async () => (await lockWaits(server.env)) === 1)
  for (let i = 0; i < BATCH; i++) asked.push(ask(`invented-${i}`))
  // Those of the later rounds come after all of the others.
  for (let round = 0; round < 5; round++) {
    await fetch(`${server.url}/healthz`)
    asked.push(ask('invented-0'))
  }
  await lock[Symbol.asyncDispose]()
  for (const { data } of await Promise.all(asked)) expect(data).toEqual({ __typename: 'Query' })
  expect((await ask('later')).data).toEqual({ __typename: 'Query' })
})
