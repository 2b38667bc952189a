import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from './schema.ts'

export const SCHEMA_FILE = fileURLToPath(new URL('../../schema.graphql', import.meta.url))

const WIDTH = 120

/** The schema as text, sorted so that moving code changes no line. */
export function printSortedSchema(): string {
  const text = printSchema(lexicographicSortSchema(schema))
  return `${text.split('\n').map(wrap).join('\n')}\n`
}

// Descriptions are Markdown, and members of unions tokens: a line break in them means a space.
function wrap(line: string): string {
  if (line.length <= WIDTH) return line
  if (line.startsWith('union ')) return line.replace(/ = | \| /g, (sign) => (sign === ' = ' ? ' =\n  | ' : '\n  | '))
  const indent = /^ */.exec(line)?.[0] ?? ''
  const end = line.lastIndexOf(' ', WIDTH)
  return end > indent.length ? `${line.slice(0, end)}\n${wrap(indent + line.slice(end + 1))}` : line
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(SCHEMA_FILE, printSortedSchema())
