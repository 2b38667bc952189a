import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import {
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isUnionType,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { expect, inject, test } from 'vitest'
import { batchesOf, pagesOf, recordOf } from '../../src/client/documents.ts'
import { schema } from '../../src/schema/schema.ts'

const STREAMS = [{ datasetId: '' }, { reportId: '' }]

test('The client has at most 6 KiB without graphql-ws, for browsers and Node.js, and needs nothing else', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/client/client.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['graphql-ws/client'],
    write: false,
    metafile: true,
  })
  expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThanOrEqual(6 * 1_024)
  const inputs = Object.entries(metafile.inputs)
  expect(inputs.filter(([path]) => !path.startsWith('src/client/'))).toEqual([])
  const imported = inputs.flatMap(([, { imports }]) => imports.filter(({ external }) => external))
  expect(new Set(imported.map(({ path }) => path))).toEqual(new Set(['graphql-ws/client']))
  // What is published has graphql-ws in it.
  expect(await readFile('dist/client/client.js', 'utf8')).not.toMatch(/^import /m)
})

test('What is published compiles with the libraries of browsers alone', async () => {
  const folder = await mkdtemp(join(inject('scratch'), 'types-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await cp('dist/client', join(folder, 'client'), { recursive: true })
  await writeFile(join(folder, 'app.ts'), APPLICATION)
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--module', 'node16']
  const tsc = [resolve('node_modules/typescript/bin/tsc'), ...options, 'app.ts']
  const compiled = await promisify(execFile)(process.execPath, tsc, { cwd: folder }).catch((error) => error)
  expect(compiled.stdout).toBe('')
})

const APPLICATION = `
import { createClient, type WorkerEvent } from './client/client.js'
const client = createClient({ url: 'http://localhost', key: async () => 'key', webSocket: WebSocket })
for await (const { edges } of client.follow({ datasetId: '' })) edges.map(({ node }): WorkerEvent => node)
`

test('Its documents are valid for the schema', () => {
  for (const document of STREAMS.flatMap((stream) => [
    batchesOf(stream, undefined),
    pagesOf(stream, undefined),
    recordOf(stream),
  ]))
    expect([document, validate(schema, parse(document))]).toEqual([document, []])
})

test('Its types are those of the schema', async () => {
  const source = await readFile('src/client/events.ts', 'utf8')
  const enums = [...source.matchAll(/^export type (\w+) =((?:\s+\|?\s*'\w+')+)$/gm)]
  for (const [, name = '', values = ''] of enums) {
    const type = schema.getType(name) as GraphQLEnumType
    expect([name, type.getValues().map(({ name }) => name)]).toEqual([name, values.match(/\w+/g)])
  }
  expect(enums.length).toBe(7)
  const interfaces = new Map(
    [...source.matchAll(/^(?:export )?interface (\w+)(?:<\w+>)?(?: extends (\w+))? \{\n([\s\S]*?)^\}$/gm)].map(
      ([, name = '', base, body = '']) => [name, { base, members: membersOf(body) }],
    ),
  )
  const given = (name: string): Map<string, string> => {
    const { base, members = new Map() } = interfaces.get(name) ?? {}
    return new Map([...(base ? given(base) : []), ...members])
  }
  const selected = new Map<string, Map<string, string>>()
  const types = new TypeInfo(schema)
  for (const stream of STREAMS) {
    visit(
      parse(batchesOf(stream, undefined)),
      visitWithTypeInfo(types, {
        Field: {
          leave({ name: { value } }) {
            const parent = types.getParentType()?.name ?? ''
            const field = types.getFieldDef()
            if (!field || value === 'result') return
            const members = selected.get(parent) ?? new Map()
            selected.set(parent, members.set(value, rendered(field.type)))
          },
        },
      }),
    )
  }
  const common = selected.get('ReportEventItem') ?? []
  for (const name of ['ProgressEvent', 'BlockUpdateEvent', 'StateEvent']) {
    const members = [...given(name)].filter(([member]) => member !== '__typename')
    expect([name, sorted(members)]).toEqual([name, sorted([...common, ...(selected.get(name) ?? [])])])
  }
  expect(sorted(given('WorkerEvent'))).toEqual(sorted(selected.get('WorkerEvent') ?? []))
  for (const name of ['WorkerEventInput', 'ProgressEventInput', 'BlockUpdateEventInput', 'StateEventInput']) {
    const fields = Object.values((schema.getType(name) as GraphQLInputObjectType).getFields())
    const inputs = fields.map(({ name, type }): [string, string] => [
      isNonNullType(type) ? name : `${name}?`,
      rendered(type),
    ])
    expect([name, sorted(given(name))]).toEqual([name, sorted(inputs)])
  }
})

const sorted = (members: Iterable<[string, string]>) => [...members].sort(([a], [b]) => (a < b ? -1 : 1))

/** The members of an interface with their types; objects are compared by the compiler of applications. */
function membersOf(body: string): Map<string, string> {
  const flat = body.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/\{[\s\S]*\}/g, 'object')
  return new Map([...flat.matchAll(/readonly (\w+\??): (.*)/g)].map(([, name = '', type = '']) => [name, type]))
}

const SCALARS: Record<string, string> = {
  ...{ UUID: 'string', String: 'string', DateTime: 'string', ID: 'string', Boolean: 'boolean' },
  ...{ SafeInt: 'number', Int: 'number', Float: 'number', JSON: 'unknown' },
}

function rendered(type: GraphQLType): string {
  const { name } = getNamedType(type)
  const isObject = !isEnumType(getNullableType(type)) && !(name in SCALARS)
  const text = isObject || isUnionType(type) || isInputObjectType(type) ? 'object' : (SCALARS[name] ?? name)
  return isNonNullType(type) || text === 'unknown' ? text : `${text} | null`
}
