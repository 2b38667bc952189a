import { SingleBar } from 'cli-progress'
import { printError, printErrorAbove } from './terminal.ts'

/** Interval of progress lines without a terminal, in milliseconds. */
const EVERY_MS = 2_000

/** Progress on standard error: a bar on a terminal, else a line every few seconds. */
export interface Progress extends Disposable {
  update(value: number): void
  note(line: string): void
}

/** @param total unknown: a bar without an end. @param describe text beside the bar and on the lines. */
export function startProgress(total: number | undefined, describe: () => string): Progress {
  return process.stderr.isTTY ? startBar(total, describe) : startLines(describe)
}

function startBar(total: number | undefined, describe: () => string): Progress {
  const format =
    total === undefined ? '{status} | {duration_formatted}' : '{bar} {percentage}% | {status} | {eta_formatted} left'
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, forceRedraw: true, etaBuffer: 100 })
  bar.start(total ?? 0, 0, { status: describe() })
  return {
    update: (value) => bar.update(total === undefined ? 0 : Math.min(value, total), { status: describe() }),
    note: printErrorAbove,
    [Symbol.dispose]: () => bar.stop(),
  }
}

function startLines(describe: () => string): Progress {
  let status = describe()
  const timer = setInterval(() => {
    const line = describe()
    if (line !== status) printError(line)
    status = line
  }, EVERY_MS)
  return {
    update: () => undefined,
    note: printError,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
