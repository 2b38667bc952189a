import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freshDatabase, runSql } from './support/database.ts'
import { serve } from './support/process.ts'
import { expectData, graphql } from './support/server.ts'

describe('a first start', () => {
  test('makes a root key, shows it once, keeps it in a private file and stores its hash only', async () => {
    const env = await freshDatabase()
    const first = await serve({ ...env, ROOT_API_KEY: undefined })
    const [, key] = await first.line(/^ {2}(tidemark_\S+)$/)
    const file = join(env.DATA_DIR, 'root-api-key')
    expect(await readFile(file, 'utf8')).toBe(`${key}\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expectData(await graphql(first.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key))
    first.child.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    expect(JSON.stringify(await runSql(env, 'SELECT * FROM api_key'))).not.toContain(key)

    const second = await serve({ ...env, ROOT_API_KEY: undefined })
    expectData(await graphql(second.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key))
    second.child.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    expect(second.output.stdout).not.toContain('tidemark_')

    // With ROOT_API_KEY set, that one alone is root.
    const third = await serve(env)
    const { errors } = await graphql(third.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key)
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    third.child.kill('SIGTERM')
    expect(await third.exited).toBe(0)
  })
})

test('The root key of another database is not lost when a new one is made in the same folder', async () => {
  const [one, two] = [await freshDatabase(), await freshDatabase()]
  const first = await serve({ ...one, ROOT_API_KEY: undefined })
  const [, key] = await first.line(/^ {2}(tidemark_\S+)$/)
  first.child.kill('SIGTERM')
  await first.exited
  await mkdir(two.DATA_DIR, { recursive: true })
  await copyFile(join(one.DATA_DIR, 'root-api-key'), join(two.DATA_DIR, 'root-api-key'))
  const second = await serve({ ...two, ROOT_API_KEY: undefined })
  await second.line(/^ {2}(tidemark_\S+)$/)
  second.child.kill('SIGTERM')
  await second.exited
  const files = (await readdir(two.DATA_DIR)).filter((name) => name.startsWith('root-api-key.until-'))
  expect(files).toHaveLength(1)
  expect(await readFile(join(two.DATA_DIR, files[0] ?? ''), 'utf8')).toBe(`${key}\n`)
})
