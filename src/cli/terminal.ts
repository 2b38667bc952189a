import { inspect } from 'node:util'
import { printable, printableJson } from '../lib/text.ts'

// Everything that people read is written here: it may quote a server, a file or an event, and a terminal obeys control characters.

/** Writes lines for people to standard output. */
export function say(text: string): void {
  console.log(shown(text))
}

/** Writes lines for people to standard error; of an unexpected error, where it was thrown. */
export function tell(text: unknown): void {
  console.error(shown(typeof text === 'string' ? text : inspect(text)))
}

/** Writes a document for programs to standard output. */
export function sayJson(value: unknown, indent?: number): void {
  console.log(printableJson(withoutCredentials(JSON.stringify(value, null, indent))))
}

/** Writes a line over the one that the cursor is in, which is drawn again below it. */
export function tellAbove(line: string): void {
  process.stderr.write(`\r\x1b[K${shown(line)}\n`)
}

/** Writes a line that the next one is written over; nothing where there is no terminal. */
export function flash(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${shown(line)}\r`)
}

function shown(text: string): string {
  return withoutCredentials(text).split('\n').map(printableCells).join('\n')
}

function printableCells(line: string): string {
  return line.split('\t').map(printable).join('\t')
}

// Drivers quote addresses, passwords included. "user:password" stands in the hints about settings. Bounded, for the time it takes.
function withoutCredentials(text: string): string {
  return text.replace(/:\/\/(?!user:password@)[^\s"]{1,1000}@/g, '://…@')
}
