import { isUtf8 } from 'node:buffer'

/** Maximum line in bytes: the largest payload with every character escaped, doubled for the rest. */
const MAX_LINE = 8_388_608

const NEWLINE = 0x0a

/** A line, numbered from 1, without its end; or why it is rejected. */
export type Line = { readonly number: number } & (
  | { readonly text: string; readonly problem?: undefined }
  | { readonly problem: string }
)

/** Skips blank lines but counts them. By hand: `readline` buffers without a limit, and hides invalid UTF-8. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line[]> {
  let number = 0
  let parts: Buffer[] = []
  let length = 0

  function add(part: Buffer): void {
    length += part.length
    if (length > MAX_LINE) parts = []
    else if (part.length > 0) parts.push(part)
  }

  function end(): Line | undefined {
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    const long = length > MAX_LINE
    number++
    parts = []
    length = 0
    if (long) return { number, problem: `The line exceeds ${MAX_LINE} bytes.` }
    if (!isUtf8(bytes)) return { number, problem: 'The line is not valid UTF-8.' }
    if (bytes.includes(0)) return { number, problem: 'The line contains NUL bytes. Is the input UTF-16, or binary?' }
    // Files that begin with one may have been put together.
    const text = bytes.toString().replace(/^\uFEFF/, '')
    return text.trim() === '' ? undefined : { number, text }
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, at))
      const line = end()
      if (line) lines.push(line)
      start = at + 1
    }
    add(chunk.subarray(start))
    if (lines.length > 0) yield lines
  }
  const last = length > 0 ? end() : undefined
  if (last) yield [last]
}
