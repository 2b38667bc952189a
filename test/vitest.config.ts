import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { postgresUrl } from './support/postgres.ts'

const postgres = await postgresUrl()
if (!postgres && process.env.REQUIRE_POSTGRES) {
  throw new Error('REQUIRE_POSTGRES is set, but no PostgreSQL is reachable at TEST_DATABASE_URL or 127.0.0.1:5432.')
}
if (!postgres) console.warn('No PostgreSQL at TEST_DATABASE_URL or 127.0.0.1:5432: testing the embedded database only.')

function project(name: 'embedded' | 'postgres', exclude: string[]) {
  return { extends: true as const, root: process.cwd(), test: { name, provide: { mode: name }, exclude } }
}

// The whole suite runs twice: on the embedded database and on PostgreSQL. Tests for only one of them have their own
// folder, and so have tests that depend on neither: those run on PostgreSQL, which starts faster, if it is reachable.
const projects = [project('embedded', ['test/postgres/**', ...(postgres ? ['test/once/**'] : [])])]
if (postgres) projects.push(project('postgres', ['test/embedded/**']))

export default defineConfig({
  // One copy of graphql, the one loaded by its dependents in node_modules: Vite would load the .mjs as well.
  resolve: { alias: { graphql: createRequire(import.meta.url).resolve('graphql') } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // The long versions have no timeout.
    testTimeout: process.env.LONG ? 3_600_000 : 60_000,
    hookTimeout: 60_000,
    // The sources keep no state between files, so each worker loads them once.
    isolate: false,
    // One more than two cores: much of the time is spent waiting for other processes.
    maxWorkers: 3,
    projects,
  },
})
