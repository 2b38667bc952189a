export interface Outline {
  title?: string
  headings: string[]
  opening?: string
}

const LINE = /[^\n]*\n|[^\n]+$/g
const HEADING = /^ {0,3}#{1,6}(?:\s|$)/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
// Lists, tables, quotes, HTML and images (mostly badges).
const NOT_PLAIN = /^\s*(?:[<|>]|[-*+]\s|\d+[.)]\s|\[?!\[|---|===)/
/** Target length of a chunk in characters. */
const CHUNK_LENGTH = 1_200
/** A heading starts a new chunk unless the one before it is shorter than this. */
const SHORT_CHUNK = 300

/** Splits no passage, nor a heading from what follows. By hand: the tokens of marked have no offsets for `slice`. */
export function chunkRanges(text: string): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = []
  let isBelowHeading = false
  for (const { kind, start, end } of passages(text)) {
    const last = ranges.at(-1)
    const room = kind === 'heading' ? SHORT_CHUNK : CHUNK_LENGTH
    if (last && (isBelowHeading || end - last.start <= room)) last.end = end
    else ranges.push({ start, end })
    isBelowHeading = kind === 'heading'
  }
  return ranges
}

export function outline(text: string): Outline {
  const found = passages(text).map(({ kind, start, end }) => ({ kind, text: text.slice(start, end) }))
  const [title, ...headings] = found
    .filter(({ kind }) => kind === 'heading')
    .map((heading) => headingText(heading.text))
    .filter(Boolean)
  const opening = found.find((passage) => passage.kind === 'prose' && !NOT_PLAIN.test(passage.text))?.text
  return { title, headings, opening }
}

interface Passage {
  kind: 'heading' | 'code' | 'prose'
  start: number
  end: number
}

// Fenced blocks contain no headings; underlined headings count as prose.
function passages(text: string): Passage[] {
  const found: Passage[] = []
  let open: Passage | undefined
  let fence: string | undefined
  for (const { 0: line, index: start } of text.matchAll(LINE)) {
    const end = start + line.trimEnd().length
    const marker = FENCE.exec(line)?.[1]
    if (open && fence !== undefined) {
      open.end = end
      if (!marker?.startsWith(fence) || line.trim() !== marker) continue
      open = undefined
      fence = undefined
    } else if (line.trim() === '') {
      open = undefined
    } else if (HEADING.test(line)) {
      found.push({ kind: 'heading', start, end })
      open = undefined
    } else if (open && marker === undefined) {
      open.end = end
    } else {
      open = { kind: marker === undefined ? 'prose' : 'code', start, end }
      fence = marker
      found.push(open)
    }
  }
  return found
}

function headingText(line: string): string {
  return line.replace(/^\s*#+\s*/, '').replace(/\s+#+\s*$/, '')
}
