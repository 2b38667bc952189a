import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { chunkRanges } from './markdown.ts'
import { countWords } from './words.ts'

export interface SourceFile {
  id: string
  /** Path inside the folder, with slashes. */
  name: string
  text: string
  words: number
  chunks: Chunk[]
}

/** Text from `start` to `end`, in UTF-16 code units. */
export interface Chunk {
  id: string
  text: string
  start: number
  end: number
  words: number
}

// A block carries all chunks of its file: this keeps it below the server's 1 MiB and 1,000 sources.
const MAX_BYTES = 131_072

/** Markdown files, recursive and sorted, without `node_modules` and hidden folders. @throws file system errors. */
export async function findMarkdown(folder: string, prefix = ''): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix + entry.name
    const isSkipped = entry.name === 'node_modules' || entry.name.startsWith('.')
    if (entry.isDirectory()) names.push(...(isSkipped ? [] : await findMarkdown(folder, `${name}/`)))
    else if (/\.(md|markdown)$/i.test(entry.name)) names.push(name)
  }
  return names.sort()
}

/** @param name as `findMarkdown` returns it. @throws file system errors, or Error if it is no file of UTF-8 text, or too large. */
export async function readSource(folder: string, name: string): Promise<SourceFile> {
  const path = join(folder, name)
  // Reading a pipe would wait for its writer.
  if (!(await stat(path)).isFile()) throw new Error(`${name} is not a file`)
  const bytes = await readFile(path)
  if (bytes.length > MAX_BYTES)
    throw new Error(`${name} has ${bytes.length} bytes; the limit of the demo is ${MAX_BYTES}`)
  const text = decode(bytes, name)
  const id = randomUUID()
  const chunks = chunkRanges(text).map(({ start, end }) => {
    const piece = text.slice(start, end)
    return { id: randomUUID(), text: piece, start, end, words: countWords(piece) }
  })
  return { id, name, text, words: countWords(text), chunks }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Its message names neither file nor reason.
  }
  throw new Error(`${name} is not valid UTF-8 text`)
}
