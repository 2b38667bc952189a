import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

// The tree is the data flow: a file imports from its own folder and from folders below it, as ARCHITECTURE.md shows.
const LAYERS = [
  'main.ts',
  'start.js',
  'cli',
  'console',
  'server.ts',
  'routes',
  'http',
  'graphql',
  'observability',
  'subscriptions',
  'schema',
  'accounts',
  'wakeups',
  'log',
  'db',
  'config.ts',
  'lib',
  'errors.ts',
  'client',
]

function layerOf(file: string): number {
  return LAYERS.findIndex((name) => file === name || file.startsWith(`${name}/`))
}

async function sources(folder = 'src'): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && /\.(tsx?|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('generated'))
}

async function imports(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  return [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map(([, path]) =>
    relative('src', join(dirname(file), path ?? '')),
  )
}

test('Every source file belongs to a layer', async () => {
  const strays = (await sources()).map((file) => relative('src', file)).filter((file) => layerOf(file) === -1)
  expect(strays).toEqual([])
})

test('Imports point to the same folder or downwards', async () => {
  const upward: string[] = []
  for (const file of await sources()) {
    const from = relative('src', file)
    for (const to of await imports(file)) if (layerOf(to) < layerOf(from)) upward.push(`${from} -> ${to}`)
  }
  expect(upward).toEqual([])
})

test('The console is a program of its own: it imports nothing of the server, which imports nothing of it', async () => {
  const crossing: string[] = []
  for (const file of await sources()) {
    const from = relative('src', file)
    for (const to of await imports(file)) {
      if (from.startsWith('console/') !== to.startsWith('console/') && !to.startsWith('client/'))
        crossing.push(`${from} -> ${to}`)
    }
  }
  expect(crossing).toEqual([])
})

test('Only the log uses the event tables, routes use no database, and one file writes output for people', async () => {
  const offenders: string[] = []
  for (const file of await sources()) {
    const text = await readFile(file, 'utf8')
    const name = relative('src', file)
    // It runs in browsers, and shows programs as text.
    if (name.startsWith('console/')) continue
    if (
      !name.startsWith('log/') &&
      /(db|prisma)\.(event|eventCount|eventMark)\b|append_to_streams|event_seek|event_rank/.test(text)
    )
      offenders.push(name)
    if (/^(routes|cli\/demo)\//.test(name) && /generated\/|\/db\//.test(text)) offenders.push(name)
    if (
      name.endsWith('.ts') &&
      name !== 'cli/terminal.ts' &&
      /console\.(log|warn|error)|std(out|err)\.write/.test(text)
    )
      offenders.push(name)
    if (name !== 'cli/run-command.ts' && text.includes('process.env')) offenders.push(name)
  }
  expect(offenders).toEqual([])
})
