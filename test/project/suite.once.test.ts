import { expect, onTestFinished, test, vi } from 'vitest'
import { postgresUrl } from '../support/postgres.ts'

test('A PostgreSQL server that is given to the tests must be reachable, and none means none', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('TEST_DATABASE_URL', 'postgresql://postgres@127.0.0.1:1/postgres')
  await expect(postgresUrl()).rejects.toThrow(/^No PostgreSQL is reachable at TEST_DATABASE_URL: .*ECONNREFUSED/)
  vi.stubEnv('TEST_DATABASE_URL', 'none')
  expect(await postgresUrl()).toBeUndefined()
})
