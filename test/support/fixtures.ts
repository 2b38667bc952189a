import { test as base } from 'vitest'
import { startServer, type TestServer } from './server.ts'

/**
 * `test` with a server of default settings that all files of a worker share. Each file makes organizations and streams
 * of its own; one that counts followers, reads metrics or the log, or stops its server, starts one itself.
 */
export const test = base.extend<{ $worker: { server: TestServer } }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
    async ({}, use) => {
      await using server = await startServer()
      await use(server)
    },
    { scope: 'worker' },
  ],
})
