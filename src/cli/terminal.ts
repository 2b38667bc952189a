import { inspect } from 'node:util'
import { printable, printableJson } from '../lib/text.ts'

// All output for people: it may quote a server, a file or an event, and a terminal obeys control characters.

export function print(text: string): void {
  console.log(shown(text))
}

/** Prints to standard error; an unexpected error with its stack. */
export function printError(text: unknown): void {
  console.error(shown(typeof text === 'string' ? text : inspect(text)))
}

export function printJson(value: unknown, indent?: number): void {
  console.log(printableJson(withoutCredentials(JSON.stringify(value, null, indent))))
}

/** Prints a line above the progress bar, in full: the bar has turned wrapping off. */
export function printErrorAbove(line: string): void {
  // Saves the cursor after it, as the bar returns to the saved line when it stops.
  process.stderr.write(`\r\x1b[K\x1b[?7h${shown(line)}\n\x1b[?7l\x1b7`)
}

/** Prints a line that the next one overwrites; nothing without a terminal. */
export function flash(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${shown(line)}\r`)
}

function shown(text: string): string {
  return withoutCredentials(text).split('\n').map(printableCells).join('\n')
}

function printableCells(line: string): string {
  return line.split('\t').map(printable).join('\t')
}

// Drivers quote URLs with passwords; "user:password" is in our own hints. The bound limits matching time.
function withoutCredentials(text: string): string {
  return text.replace(/:\/\/(?!user:password@)[^\s"]{1,1000}@/g, '://…@')
}
