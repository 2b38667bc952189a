import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, inject, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'

interface Locked {
  dev?: boolean
  devOptional?: boolean
  peer?: boolean
}

/** Folders of what npm installs with the package. */
async function installed(): Promise<string[]> {
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
  const locked = Object.entries(packages).filter(([path]) => path !== '')
  return locked.filter(([, { dev, devOptional, peer }]) => !dev && !devOptional && !peer).map(([path]) => path)
}

test('The package works beside another version of graphql, and on Node.js 20', async () => {
  expect((await installed()).filter((path) => !/(bare-[a-z-]+|require-addon|which-runtime)$/.test(path))).toEqual([
    'node_modules/@electric-sql/pglite',
    'node_modules/fs-native-extensions',
  ])
})

test('With what npm installs beside it alone, the built server answers queries and serves its page', async () => {
  const folder = join(inject('scratch'), 'package')
  await cp('dist', join(folder, 'dist'), { recursive: true, filter: (path) => !path.endsWith('compile-cache') })
  for (const file of ['package.json', 'prisma/migrations']) await cp(file, join(folder, file), { recursive: true })
  for (const path of await installed()) {
    // What is inside another package comes with the link to that one.
    if (path.lastIndexOf('node_modules/') > 0) continue
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await symlink(resolve(path), join(folder, path))
  }
  const { PATH } = process.env
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    cwd: folder,
    env: { PATH, ...(await freshDatabase()), PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    url = /ready: (http:\S+)\/graphql/.exec(line)?.[1] ?? ''
    if (url) break
  }
  const answer = await fetch(`${url}/graphql?query=%7B__typename%7D`, { headers: { accept: 'application/json' } })
  expect(await answer.json()).toEqual({ data: { __typename: 'Query' } })
  expect((await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } })).status).toBe(200)
})
