import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { postgresUrl } from './support/postgres.ts'

const postgres = await postgresUrl()
if (!postgres && process.env.REQUIRE_POSTGRES) {
  throw new Error('REQUIRE_POSTGRES is set, but no PostgreSQL answers at TEST_DATABASE_URL or 127.0.0.1:5432.')
}
if (!postgres) console.warn('No PostgreSQL at TEST_DATABASE_URL or 127.0.0.1:5432: testing the embedded database only.')

function project(name: 'embedded' | 'postgres', exclude: string[]) {
  return { extends: true as const, root: process.cwd(), test: { name, provide: { mode: name }, exclude } }
}

// The whole suite runs twice: on the embedded database and on PostgreSQL. What only one of them can show has a folder of its
// own, and so has what has nothing to do with either: that runs on PostgreSQL, which starts sooner, where there is one.
const projects = [project('embedded', ['test/postgres/**', ...(postgres ? ['test/once/**'] : [])])]
if (postgres) projects.push(project('postgres', ['test/embedded/**']))

// All files of one project before those of the other: a worker is replaced when the project changes, and with it go the
// modules that it has loaded and the server that its files share.
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const longestFirst = await super.sort(files)
    return projects.flatMap(({ test: { name } }) => longestFirst.filter(({ project }) => project.name === name))
  }
}

export default defineConfig({
  // One copy of graphql, the one that its users in node_modules load: Vite on its own would take the .mjs beside it.
  resolve: { alias: { graphql: createRequire(import.meta.url).resolve('graphql') } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // The long versions take what they take.
    testTimeout: process.env.LONG ? 3_600_000 : 60_000,
    hookTimeout: 60_000,
    // The sources keep nothing between files, so each worker loads them once.
    isolate: false,
    // More than two cores: much of the time is spent waiting, for other processes and for time to pass.
    maxWorkers: 4,
    sequence: { sequencer: ByProject },
    projects,
  },
})
