import { readdirSync, readFileSync } from 'node:fs'

/** A fenced block of a page. */
export interface Block {
  lang: string
  text: string
  /** `page:line` of its first line. */
  place: string
  /** The nearest heading above it. */
  section: string
  /** Why it does not run. */
  notRun?: string
  /** Whether it runs until it is stopped. */
  endless: boolean
  /** Whether the server is stopped before it. */
  stopped: boolean
}

/** The pages for users. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
]

export const readPage = (page: string): string => readFileSync(page, 'utf8')

/** The blocks of a page. An HTML comment on the line before a block controls how it runs. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let section = ''
  let comment = ''
  let open: Block | undefined
  for (const [index, line] of readPage(page).split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line)
    if (open && fence) {
      blocks.push(open)
      open = undefined
    } else if (open) {
      open.text += `${line}\n`
    } else if (fence) {
      const notRun = /^<!-- not run: (.+) -->$/.exec(comment)?.[1]
      const endless = comment === '<!-- runs until stopped -->'
      const stopped = comment === '<!-- stop the server -->'
      if (comment && !notRun && !endless && !stopped) throw new Error(`${page}:${index}: unknown comment ${comment}`)
      open = { lang: fence[1] ?? '', text: '', place: `${page}:${index + 1}`, section, notRun, endless, stopped }
    }
    comment = line.startsWith('<!--') ? line : ''
    if (!open) section = /^#+ (.+)$/.exec(line)?.[1] ?? section
  }
  return blocks
}

/** The numbered lines of a page outside its blocks. */
export function proseOf(page: string): { line: string; number: number }[] {
  let fenced = false
  return readPage(page)
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => {
      if (line.startsWith('```')) fenced = !fenced
      return !fenced && !line.startsWith('```')
    })
}

/** The table rows of a page, or of one section of it, whose first cell is code. */
export function codeRows(page: string, section?: string): { code: string; cells: string[] }[] {
  let heading = ''
  const rows: { code: string; cells: string[] }[] = []
  for (const { line } of proseOf(page)) {
    heading = /^#+ (.+)$/.exec(line)?.[1] ?? heading
    const code = /^\| `([^`]+)` \|/.exec(line)?.[1]
    if (code === undefined || (section !== undefined && heading !== section)) continue
    const cells = line.split('|').slice(2, -1)
    rows.push({ code, cells: cells.map((cell) => cell.trim()) })
  }
  return rows
}
