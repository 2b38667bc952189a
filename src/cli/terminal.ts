import { once } from 'node:events'
import { inspect, styleText } from 'node:util'
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

type Style = Parameters<typeof styleText>[0]

export type Part = readonly [style: Style | undefined, text: string]

/** Prints a line of parts, and waits while the reader of standard output is slow. */
export function printParts(parts: readonly Part[]): Promise<void> {
  const colours = process.stdout.hasColors?.() ?? false
  const styled = parts.map(([style, text]) => (style && colours ? styleText(style, printable(text)) : printable(text)))
  return printData(styled.join(' '))
}

/** Prints JSON that came from a server, unchanged in value, and waits likewise. */
export function printJsonLine(value: unknown): Promise<void> {
  return printData(printableJson(JSON.stringify(value)))
}

async function printData(line: string): Promise<void> {
  // `onReaderGone` says why there will be none.
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain').catch(() => undefined)
}

/** Calls back when nothing more can be written to standard output, as when its reader has left. */
export function onReaderGone(callback: () => void): Disposable {
  process.stdout.on('error', callback)
  // A write that is under way may still fail.
  return { [Symbol.dispose]: () => void setImmediate(() => process.stdout.off('error', callback)) }
}

let isReported = false

/** Reports output that cannot be written, which would be lost or end the process. A reader that has left wants none. */
export function reportLostOutput(): void {
  isReported = false
  process.stdout.off('error', reportLoss).on('error', reportLoss)
}

function reportLoss({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return
  process.exitCode = 1
  if (!isReported) printError(`Writing to standard output failed: ${message}`)
  isReported = true
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
