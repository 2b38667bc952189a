import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { graphql } from '../support/server.ts'
import { until } from '../support/until.ts'

const OTHERS = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

test('A server whose unused connections PostgreSQL ends, as at a restart, goes on', async () => {
  const env = await freshDatabase()
  const { url, child, exited, output } = await serve(env)
  const ask = (key: string) => graphql(url, '{ viewer { isRoot } }', {}, key)
  // Keys are looked up on connections of their own.
  await ask('unknown')
  const pids = await runSql<{ pid: number }>(env, `SELECT pid, pg_terminate_backend(pid) ${OTHERS}`)
  expect(pids).not.toEqual([])
  const ended = pids.map(({ pid }) => pid).join(', ')
  await until(async () => (await runSql(env, `SELECT ${OTHERS} AND pid IN (${ended})`)).length === 0)
  await until(async () => (await fetch(`${url}/readyz`)).ok)
  expect((await ask('test-root-api-key')).errors).toBeUndefined()
  child.kill()
  expect(await exited, output.stderr).toBe(0)
})
