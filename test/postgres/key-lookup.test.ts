import { expect, test } from 'vitest'
import { type DatabaseSettings, runSql } from '../support/database.ts'
import { holdLock } from '../support/lock.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

/** As many as one statement looks up. */
const BATCH = 200

/** Statements that wait for a lock. */
async function waiting(env: DatabaseSettings): Promise<number> {
  const [row] = await runSql<{ n: number }>(
    env,
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return row?.n ?? 0
}

test('A repeated key in a full batch blocks no later lookup', async () => {
  await using server = await startServer()
  const ask = (key: string) => server.graphql('{ __typename }', {}, key)
  const lock = await holdLock(server.env, 'LOCK TABLE api_key')
  const asked = [ask('in-flight')]
  await until(async () => (await waiting(server.env)) === 1)
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
