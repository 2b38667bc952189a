import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { LIMIT_SETTINGS } from '../../src/lib/limits.ts'
import { CODES } from '../../src/lib/outcome.ts'
import { codeRows, PAGES, proseOf, readPage } from '../support/markdown.ts'

const DOCUMENTS = [...PAGES, 'ARCHITECTURE.md']

test('The README is short', () => {
  expect(readPage('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(200)
})

test.each(DOCUMENTS)('%s has no line over 120 characters, table rows aside', (page) => {
  const long = readPage(page)
    .split('\n')
    .map((line, index) => `${index + 1}: ${line}`)
    .filter((line) => line.replace(/^\d+: /, '').length > 120 && !/^\d+: \|/.test(line))
  expect(long).toEqual([])
})

describe.each(DOCUMENTS)('The links of %s', (page) => {
  const links = proseOf(page).flatMap(({ line }) =>
    [...line.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? ''),
  )

  test('point to existing files and headings', () => {
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false
      const [path, anchor] = link.split('#')
      const file = path ? join(dirname(page), path) : page
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).has(anchor))
    })
    expect(broken).toEqual([])
  })
})

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const headings = proseOf(page).flatMap(({ line }) => /^#+ (.+)$/.exec(line)?.[1] ?? [])
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('The README links to every page', () => {
  const text = readPage('README.md')
  for (const page of DOCUMENTS) if (page !== 'README.md') expect(text).toContain(`](${page})`)
})

describe('The table of settings', () => {
  const rows = codeRows('docs/settings.md')

  test('lists exactly the settings', () => {
    expect(rows.map(({ code }) => code).sort()).toEqual([...SETTINGS].sort())
  })

  test.each([...rows, ...codeRows('README.md', 'Settings')])(
    'gives the default of $code',
    ({ code, cells: [value] }) => {
      expect(SETTINGS).toContain(code)
      const standard = /^`(.+)`$/.exec(value ?? '')?.[1]
      if (standard !== undefined) expect(readConfig({ [code]: standard })).toEqual(readConfig({}))
    },
  )
})

test('The tables of limits list every limit setting with its default', () => {
  const text = proseOf('docs/access-and-limits.md').flatMap(({ line }) => {
    const [, name, value] = /^\|.*\| `([A-Z_]+)` \| ([\d,]+) \|/.exec(line) ?? []
    return name ? [{ name, value: value?.replaceAll(',', '') }] : []
  })
  expect(new Set(text.map(({ name }) => name))).toEqual(new Set(Object.keys(LIMIT_SETTINGS)))
  for (const { name, value } of text) expect(readConfig({ [name]: value })).toEqual(readConfig({}))
})

test('The table of error codes lists exactly the codes', () => {
  const documented = codeRows('docs/errors.md', 'Error codes').map(({ code }) => code)
  expect(documented.sort()).toEqual([...CODES].sort())
})

test('Invariants name existing tests', async () => {
  const files = await readdir('test', { recursive: true })
  const tests = new Set(files.flatMap((file) => /([\w-]+)\.test\.ts$/.exec(file)?.[1] ?? []))
  const text = readPage('ARCHITECTURE.md')
  const rows = text.slice(text.indexOf('\n## Invariants'), text.indexOf('\n## Why not')).matchAll(/^\|.*\|(.*)\|$/gm)
  const named = [...rows].flatMap(([, cell]) => [...(cell ?? '').matchAll(/`([\w-]+)`/g)].map(([, name]) => name ?? ''))
  expect([named.filter((name) => !tests.has(name)), named.length > 50]).toEqual([[], true])
})
