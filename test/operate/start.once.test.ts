import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, inject, test } from 'vitest'
import { version } from '../../src/lib/version.ts'
import { freshDatabase, runSql } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { expectData, graphql } from '../support/server.ts'
import { until } from '../support/until.ts'

async function rootKeyIn(dataDir: string): Promise<string> {
  return (await readFile(join(dataDir, 'root-api-key'), 'utf8')).trim()
}

describe('a first start', () => {
  test('generates a root key, writes it to a private file that it names, and stores only its hash', async () => {
    const env = await freshDatabase()
    const first = await serve({ ...env, ROOT_API_KEY: undefined })
    const [, file = ''] = await first.line(/^Root API key: see (.*)$/)
    expect(file).toBe(join(env.DATA_DIR, 'root-api-key'))
    const key = await rootKeyIn(env.DATA_DIR)
    expect(key).toMatch(/^tidemark_\S+$/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    // A log of the output would contain the key.
    expect(first.output.stdout).not.toContain(key)
    expectData(await graphql(first.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key))
    first.child.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    expect(JSON.stringify(await runSql(env, 'SELECT * FROM api_key'))).not.toContain(key)

    const second = await serve({ ...env, ROOT_API_KEY: undefined })
    expectData(await graphql(second.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key))
    second.child.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    expect(second.output.stdout).not.toContain('tidemark_')

    // With ROOT_API_KEY set, it is the only root key.
    const third = await serve(env)
    const { errors } = await graphql(third.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, key)
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    third.child.kill('SIGTERM')
    expect(await third.exited).toBe(0)
  })

  test.skipIf(process.platform !== 'linux')('prints the root key on a terminal, only this time', async () => {
    const env = await freshDatabase()
    const onTerminal = async () => {
      const command = `exec "${process.execPath}" dist/main.js serve`
      const { PATH } = process.env
      const child = spawn('script', ['-qec', command, '/dev/null'], { env: { PATH, TERM: 'xterm', PORT: '0', ...env } })
      let shown = ''
      child.stdout.on('data', (data) => {
        shown += data
      })
      await until(() => /^Root API key\b.*root-api-key\b/m.test(shown))
      child.kill('SIGTERM')
      await once(child, 'close')
      return shown
    }
    const first = await onTerminal()
    const key = await rootKeyIn(env.DATA_DIR)
    expect(first).toMatch(new RegExp(`^  ${key}\\s*$`, 'm'))
    expect(await onTerminal()).not.toContain(key)
  })
})

test('The root key file of another database is kept when a new one is generated in the same directory', async () => {
  const [one, two] = [await freshDatabase(), await freshDatabase()]
  const first = await serve({ ...one, ROOT_API_KEY: undefined })
  await first.line(/^Root API key: see /)
  const key = await rootKeyIn(one.DATA_DIR)
  first.child.kill('SIGTERM')
  await first.exited
  await mkdir(two.DATA_DIR, { recursive: true })
  await copyFile(join(one.DATA_DIR, 'root-api-key'), join(two.DATA_DIR, 'root-api-key'))
  const second = await serve({ ...two, ROOT_API_KEY: undefined })
  await second.line(/^Root API key: see /)
  second.child.kill('SIGTERM')
  await second.exited
  const files = (await readdir(two.DATA_DIR)).filter((name) => name.startsWith('root-api-key.until-'))
  expect(files).toHaveLength(1)
  expect(await readFile(join(two.DATA_DIR, files[0] ?? ''), 'utf8')).toBe(`${key}\n`)
})

test('npm start does not build what is built, and prints nothing of its own', async () => {
  // Without npm, as a build would take away what other tests run.
  const env = { PATH: '' }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['src/start.js', '--version'], { env })
  expect([stdout, stderr]).toEqual([`${version}\n`, ''])
})

test('A source that is added, removed or changed is one to build from', async () => {
  const folder = await mkdtemp(join(inject('scratch'), 'sources-'))
  for (const name of ['src', 'prisma', '.config']) await mkdir(join(folder, name))
  const inputs = JSON.stringify(pathToFileURL('.config/inputs.js'))
  const script = `const { hashInputs } = await import(${inputs}); console.log(hashInputs())`
  const hash = async () =>
    (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: folder })).stdout
  const hashes = [await hash()]
  for (const text of ['one', 'two']) {
    await writeFile(join(folder, 'src', 'file.ts'), text)
    hashes.push(await hash())
  }
  expect(new Set(hashes).size).toBe(3)
  await rm(join(folder, 'src', 'file.ts'))
  expect(await hash()).toBe(hashes[0])
})
