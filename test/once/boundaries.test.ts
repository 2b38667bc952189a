import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

// The tree is the data flow: a file imports from its own layer and from those below it, as ARCHITECTURE.md draws it.
const LAYERS = [
  ['main.ts', 'start.js'],
  ['cli'],
  ['demo', 'doctor'],
  ['server.ts'],
  ['rest', 'live/websocket.ts', 'live/operations.ts', 'graphiql.ts', 'metrics', 'health.ts'],
  ['yoga.ts', 'print-schema.ts'],
  [
    'mask-error.ts',
    'call-report.ts',
    'cost.ts',
    'documents.ts',
    'http-admission.ts',
    'long-answers.ts',
    'persisted-operations.ts',
    'request-body.ts',
    'strangers.ts',
    'live',
    'schema',
  ],
  ['transfer', 'context.ts', 'budgeted-log.ts', 'traced-log.ts'],
  ['http', 'drainer.ts'],
  ['streams'],
  ['wakeups'],
  ['json-in-turns.ts'],
  ['rate', 'budget', 'read-body.ts'],
  ['auth'],
  ['log'],
  ['db'],
  [
    'config.ts',
    'calls.ts',
    'text.ts',
    'uuid-text.ts',
    'closers.ts',
    'errors.ts',
    'logger.ts',
    'outcome.ts',
    'request-id.ts',
    'span.ts',
    'tracing.ts',
    'csrf.ts',
    'hidden-schema.ts',
    'introspection.ts',
    'origins.ts',
    'operation-list.ts',
    'deadline.ts',
    'lifecycle.ts',
    'peer.ts',
    'private-answer.ts',
    'limits.ts',
    'variables.ts',
    'fits.ts',
    'read-bytes.ts',
    'client-address.ts',
    'http-refusal.ts',
    'start-error.ts',
    'version.ts',
    'generated',
  ],
]

function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => layer.some((name) => file === name || file.startsWith(`${name}/`)))
}

async function sources(folder = 'src'): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('generated'))
}

async function imports(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  return [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map(([, path]) =>
    relative('src', join(dirname(file), path ?? '')),
  )
}

test('Every source file has its layer', async () => {
  const strays = (await sources()).map((file) => relative('src', file)).filter((file) => layerOf(file) === -1)
  expect(strays).toEqual([])
})

test('Imports point to the same layer or downwards', async () => {
  const upward: string[] = []
  for (const file of await sources()) {
    const from = relative('src', file)
    for (const to of await imports(file)) if (layerOf(to) < layerOf(from)) upward.push(`${from} -> ${to}`)
  }
  expect(upward).toEqual([])
})

test('Only the log touches the event tables, REST no database at all, and one file writes what people read', async () => {
  const offenders: string[] = []
  for (const file of await sources()) {
    const text = await readFile(file, 'utf8')
    const name = relative('src', file)
    if (
      !name.startsWith('log/') &&
      /(db|prisma)\.(event|eventCount|eventMark)\b|append_to_streams|event_seek|event_rank/.test(text)
    )
      offenders.push(name)
    if (/^(rest|demo)\//.test(name) && /generated\/|\/db\//.test(text)) offenders.push(name)
    if (name.endsWith('.ts') && name !== 'cli/terminal.ts' && /console\.|std(out|err)\.write/.test(text))
      offenders.push(name)
    if (name !== 'cli/with-config.ts' && text.includes('process.env')) offenders.push(name)
  }
  expect(offenders).toEqual([])
})
