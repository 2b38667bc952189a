import { outline } from './markdown.ts'
import type { Chunk, SourceFile } from './source-files.ts'
import type { ReportBlock, Source } from './step.ts'
import { count } from './words.ts'

const MAX_HEADINGS = 12
const MAX_OPENING = 800

export function writeBlock(file: SourceFile, idx: number): ReportBlock {
  return { idx, template: introduce(file), sources: file.chunks.map((_, index) => toSource(file, index)) }
}

function introduce({ name, text, words, chunks }: SourceFile): string {
  const { title, headings, opening } = outline(text)
  const list = headings.slice(0, MAX_HEADINGS).map((heading) => `- ${heading}`)
  if (headings.length > MAX_HEADINGS) list.push(`- … ${headings.length - MAX_HEADINGS} more`)
  const size = `\`${name}\`: ${count(words, 'word')} in ${count(chunks.length, 'chunk')}.`
  return [`## ${title ?? name}`, opening && shorten(opening), list.join('\n'), size].filter(Boolean).join('\n\n')
}

function shorten(text: string): string {
  return text.length <= MAX_OPENING ? text : `${text.slice(0, MAX_OPENING).toWellFormed()} …`
}

function toSource(file: SourceFile, index: number): Source {
  const { id, text, start, end, words } = file.chunks[index] as Chunk
  const metadata = { file_name: file.name, chunk: index + 1, chunks: file.chunks.length, words }
  return {
    node: { id, text, metadata, startCharIdx: start, endCharIdx: end, relationships: relationships(file, index) },
    // Nothing was retrieved, so there is no similarity: the share of the file's words.
    score: words / file.words,
  }
}

// LlamaIndex's numbers: relationship 1 source, 2 previous, 3 next; node type 1 text, 4 document.
function relationships({ id, name, chunks }: SourceFile, index: number): object {
  const previous = chunks[index - 1]
  const next = chunks[index + 1]
  return {
    1: { node_id: id, node_type: '4', metadata: { file_name: name } },
    ...(previous && { 2: { node_id: previous.id, node_type: '1' } }),
    ...(next && { 3: { node_id: next.id, node_type: '1' } }),
  }
}
