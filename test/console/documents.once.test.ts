import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { print as printCompact } from '@0no-co/graphql.web'
import { buildSchema, type DocumentNode, NoUnusedFragmentsRule, parse, print, specifiedRules, validate } from 'graphql'
import { expect, test } from 'vitest'
import { countDocument, MOST_RANGES } from '../../src/console/api/count-document.ts'

const schema = buildSchema(await readFile('schema.graphql', 'utf8'))

async function documentFiles(): Promise<string[]> {
  const entries = await readdir('src/console', { withFileTypes: true, recursive: true })
  return entries.filter(({ name }) => name === 'documents.ts').map((entry) => join(entry.parentPath, entry.name))
}

/** The fragments of what is followed are documents of their own. */
const RULES = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule)

/** What is wrong with a document of the page. */
function problemsOf(document: DocumentNode): readonly string[] {
  // Printed, because the page parses with a parser of its own.
  return validate(schema, parse(print(document)), RULES).map(({ message }) => message)
}

test('Every document of the console is valid in the schema', async () => {
  const files = await documentFiles()
  expect(files.length).toBeGreaterThanOrEqual(5)
  for (const file of files) {
    const documents = (await import(/* @vite-ignore */ resolve(file))) as Record<
      string,
      DocumentNode | readonly DocumentNode[]
    >
    for (const [name, exported] of Object.entries(documents)) {
      const problems = [exported].flat().flatMap((document) => problemsOf(document as DocumentNode))
      expect({ file, name, problems }).toEqual({ file, name, problems: [] })
    }
  }
  for (const of of ['datasetId', 'reportId'] as const)
    expect(problemsOf(countDocument(of, MOST_RANGES) as unknown as DocumentNode)).toEqual([])
})

test('A server with a list of operations has all of the console on it', async () => {
  const listed = Object.values(JSON.parse(await readFile('dist/console/operations.json', 'utf8')) as object)
  for (const file of await documentFiles()) {
    const documents = (await import(/* @vite-ignore */ resolve(file))) as Record<string, DocumentNode>
    for (const [name, document] of Object.entries(documents)) {
      if (!/_EVENT$|^EVENT_ROW$/.test(name)) expect(listed, name).toContain(printCompact(document))
    }
  }
})

test('Documents are only in the files that this test reads', async () => {
  const entries = await readdir('src/console', { withFileTypes: true, recursive: true })
  const strays: string[] = []
  for (const entry of entries) {
    if (!/\.tsx?$/.test(entry.name) || entry.name === 'documents.ts') continue
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8')
    if (/\bgraphql\(/.test(text)) strays.push(entry.name)
  }
  expect(strays).toEqual([])
})
