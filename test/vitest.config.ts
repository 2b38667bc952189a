import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { NODE_OPTIONS } from './support/node-options.ts'
import { postgresUrl } from './support/postgres.ts'

const postgres = await postgresUrl()
if (!postgres && process.env.REQUIRE_POSTGRES) {
  throw new Error('REQUIRE_POSTGRES is set, but no PostgreSQL is reachable at 127.0.0.1:5432. Set TEST_DATABASE_URL.')
}
if (!postgres) console.warn('No PostgreSQL at 127.0.0.1:5432 or TEST_DATABASE_URL: testing the embedded database only.')

function project(name: 'embedded' | 'postgres', exclude: string[]) {
  return {
    extends: true as const,
    root: process.cwd(),
    test: { name, provide: { mode: name }, exclude: ['test/bench/**', ...exclude] },
  }
}

// A file runs on both databases, unless its suffix says otherwise: `.postgres`, `.embedded`, or `.once` where it
// depends on neither. Those run on PostgreSQL, which starts faster, if it is reachable.
const of = (suffix: string) => `test/**/*.${suffix}.test.ts`
const projects = [project('embedded', [of('postgres'), ...(postgres ? [of('once')] : [])])]
if (postgres) projects.push(project('postgres', [of('embedded')]))

// All files of one project before those of the other: a worker is replaced when the project changes, and with it go the
// modules that it has loaded and the server that its files share.
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const longestFirst = await super.sort(files)
    return projects.flatMap(({ test: { name } }) => longestFirst.filter(({ project }) => project.name === name))
  }
}

export default defineConfig({
  // One copy of graphql, the one loaded by its dependents in node_modules: Vite would load the .mjs as well.
  resolve: { alias: { graphql: createRequire(import.meta.url).resolve('graphql') } },
  test: {
    experimental: { fsModuleCache: true },
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // The long versions have no timeout.
    testTimeout: process.env.LONG ? 3_600_000 : 180_000,
    hookTimeout: 180_000,
    execArgv: [...NODE_OPTIONS],
    // The sources keep no state between files, so each worker loads them once.
    isolate: false,
    // More than two cores: much of the time is spent waiting, for other processes and for time to pass.
    maxWorkers: 4,
    sequence: { sequencer: ByProject },
    projects,
  },
})
