import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { codegen } from '@graphql-codegen/core'
import * as typescript from '@graphql-codegen/typescript'
import * as typescriptOperations from '@graphql-codegen/typescript-operations'
import { introspectionFromSchema, parse, printSchema } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/schema.ts'

// The types that generators make for clients, checked by the compiler in a project of a client.

const QUERY = `query Events($id: UUID!) {
  workerEvents(datasetId: $id, first: 10) {
    nodes {
      seq
      eventDataSize
      eventDataPreview(maxBytes: 100)
      data {
        __typename
        ... on FileUploadedData { fileName pages pdf2mdOptions { usePdf2mdOcr } }
        ... on CrawlStartedData { crawlOptions { interval tags scrapeOptions { type } } }
        ... on ChunksUploadedData { chunkIds }
        ... on UnknownWorkerEventData { text }
      }
    }
  }
}`

const USE = `
import type { EventsQuery } from './operations'
import { initGraphQLTada, type ResultOf } from 'gql.tada'
import type { introspection } from './introspection'

const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: { DateTime: string; JSON: unknown; SafeInt: number; UUID: string }
}>()
const query = graphql(${'`'}${QUERY}${'`'})

type Data<Query extends { workerEvents: { nodes: { data?: unknown }[] } }> =
Query['workerEvents']['nodes'][number]['data']

function read(data: Data<EventsQuery> | Data<ResultOf<typeof query>>): string | number {
  if (data === null || data === undefined) return 0
  switch (data.__typename) {
    case 'FileUploadedData':
      return data.pages ?? data.fileName
    case 'ChunksUploadedData':
      return data.chunkIds.join()
    case 'CrawlStartedData':
      return data.crawlOptions.tags?.join() ?? data.crawlOptions.scrapeOptions?.type ?? 0
    case 'UnknownWorkerEventData':
      return data.text
    default:
      // @ts-expect-error: this type is not selected
      return data.fileName
  }
}

export function sizes(result: EventsQuery | ResultOf<typeof query>): (string | number)[] {
  // @ts-expect-error: a member of one type is not a member of all
  result.workerEvents.nodes[0]?.data?.fileName
  return result.workerEvents.nodes.flatMap((node) => [node.eventDataSize + 1, node.eventDataPreview.trim(),
  read(node.data)])
}
`

const OPTIONS = { strict: true, noEmit: true, module: 'preserve', target: 'es2022', skipLibCheck: true, types: [] }

test('Types of graphql-codegen and gql.tada tell the payloads of worker events apart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-types-'))
  try {
    const operations = await codegen({
      filename: 'operations.ts',
      schema: parse(printSchema(schema)),
      documents: [{ document: parse(QUERY) }],
      config: {
        scalars: { DateTime: 'string', JSON: 'unknown', SafeInt: 'number', UUID: 'string' },
        enumsAsTypes: true,
      },
      pluginMap: { typescript, typescriptOperations },
      plugins: [{ typescript: {} }, { typescriptOperations: {} }],
    })
    const introspection = outputIntrospectionFile(minifyIntrospection(introspectionFromSchema(schema)), {
      fileType: '.d.ts',
    })
    await writeFile(join(folder, 'operations.ts'), operations)
    await writeFile(join(folder, 'introspection.d.ts'), introspection)
    await writeFile(join(folder, 'use.ts'), USE)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, files: ['use.ts'] }))
    await symlink(resolve('node_modules'), join(folder, 'node_modules'))
    const compiler = resolve('node_modules/.bin/tsc')
    const problems = await promisify(execFile)(compiler, ['-p', folder]).catch(({ stdout }) => ({ stdout }))
    expect(problems.stdout).toBe('')
  } finally {
    await rm(folder, { recursive: true })
  }
})
