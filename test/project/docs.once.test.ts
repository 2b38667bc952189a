import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { parse, validate } from 'graphql'
import { describe, expect, inject, test } from 'vitest'
import { schema } from '../../src/schema/schema.ts'
import { type Block, blocksOf, PAGES, readPage } from '../support/markdown.ts'
import { PageRunner } from '../support/page-runner.ts'

// Runs the `sh` and `ts` blocks of each page in order: one shell, one folder, one server and one database per page, so
// that the pages run concurrently.
// Conventions:
// - `npm start`, after `npm ci &&` or settings, starts the server. `npm ci` and `npm run build` are skipped.
// - localhost:4000 stands for the port of the server.
// - A page that links to the first steps of the README starts after them: their blocks run first.
// - A `json` or `text` block directly after a block that runs, in the same section, is its expected output: the last
//   line as JSON, or these lines in this order. `…` matches anything. Without one, the block must exit with 0 and print
//   no errors.
// - `<!-- stop the server -->` before a block stops it. `<!-- runs until stopped -->`: the block is stopped once it has
//   printed the expected output. `<!-- not run: REASON -->`: the block is skipped, and listed below.

const RUN = new Set(['sh', 'ts'])

/** The blocks that do not run, in order: page, part of the text, reason. */
const NOT_RUN = [
  ['README.md', 'npm run demo', 'serves until it is stopped'],
  ['README.md', 'printf', 'needs Docker'],
  ['README.md', 'npm ci && npm test', 'runs the tests'],
  ['docs/deploying.md', 'docker build', 'needs Docker'],
  ['docs/deploying.md', 'printf', 'needs Docker'],
  ['docs/deploying.md', 'npm run build', 'needs a PostgreSQL database'],
  ['docs/deploying.md', 'docker compose', 'needs Docker'],
  ['docs/import-and-export.md', 'TRIEVE_API_KEY=', 'needs a Trieve key'],
  ['docs/import-and-export.md', 'LLAMA_CLOUD_API_KEY=', 'needs a LlamaCloud key'],
  ['docs/speed.md', 'npm run bench', 'takes an hour'],
]

const runs = ({ lang, notRun }: Block) => RUN.has(lang) && notRun === undefined

/** The blocks of a page that run, each with its expected output. */
function stepsOf(page: string): { block: Block; prints?: Block }[] {
  const blocks = blocksOf(page)
  return blocks.flatMap((block, i) => {
    if (!runs(block)) return []
    const next = blocks[i + 1]
    const prints = next?.section === block.section && /^(json|text)$/.test(next.lang) ? next : undefined
    return [{ block, prints }]
  })
}

const firstSteps = () => stepsOf('README.md').filter(({ block }) => /^(Run|First steps)$/.test(block.section))

describe.concurrent.each(PAGES.filter((page) => blocksOf(page).some(runs)))('%s', (page) => {
  test('runs, and prints the documented output', { timeout: 180_000 }, async () => {
    await using runner = await PageRunner.open(join(inject('scratch'), `page-${randomUUID()}`))
    const before = readPage(page).includes('(../README.md#first-steps)') ? firstSteps() : []
    for (const { block, prints } of [...before, ...stepsOf(page)]) await runner.run(block, prints)
  })
})

test('Blocks that do not run are listed', () => {
  const marked = PAGES.flatMap((page) => blocksOf(page).filter(({ notRun }) => notRun !== undefined))
  expect(marked.map(({ place, notRun }) => [place.split(':')[0], notRun])).toEqual(
    NOT_RUN.map(([page, , reason]) => [page, reason]),
  )
  marked.forEach(({ text }, i) => void expect(text).toContain(NOT_RUN[i]?.[1]))
})

test('Blocks have known languages', () => {
  const kinds = PAGES.flatMap((page) => blocksOf(page).map(({ lang }) => lang))
  expect([...new Set(kinds)].sort()).toEqual(['graphql', 'json', 'sh', 'text', 'ts'])
})

test('GraphQL blocks are valid, and JSON blocks are JSON', () => {
  for (const { lang, text, place } of PAGES.flatMap(blocksOf)) {
    if (lang === 'graphql') expect([place, validate(schema, parse(text))]).toEqual([place, []])
    if (lang === 'json') expect(() => JSON.parse(text), place).not.toThrow()
  }
})
