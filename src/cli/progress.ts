import { SingleBar } from 'cli-progress'
import { tell, tellAbove } from './terminal.ts'

/** How often a line tells of the progress where there is no terminal, in milliseconds. */
const EVERY_MS = 2_000

/** Tells on standard error how far something is: a bar on a terminal, a line every few seconds elsewhere. */
export interface Progress extends Disposable {
  /** How far it is, in whatever the total is in. */
  update(value: number): void
  /** Writes a line of its own. */
  note(line: string): void
}

/**
 * @param total unknown: there is a bar without an end.
 * @param describe what to say beside the bar, and on the lines.
 */
export function startProgress(total: number | undefined, describe: () => string): Progress {
  return process.stderr.isTTY ? startBar(total, describe) : startLines(describe)
}

function startBar(total: number | undefined, describe: () => string): Progress {
  const format =
    total === undefined ? '{said} | {duration_formatted}' : '{bar} {percentage}% | {said} | {eta_formatted} left'
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, forceRedraw: true, etaBuffer: 100 })
  bar.start(total ?? 0, 0, { said: describe() })
  return {
    update: (value) => bar.update(total === undefined ? 0 : Math.min(value, total), { said: describe() }),
    note: tellAbove,
    [Symbol.dispose]: () => bar.stop(),
  }
}

function startLines(describe: () => string): Progress {
  let said = describe()
  const timer = setInterval(() => {
    const line = describe()
    if (line !== said) tell(line)
    said = line
  }, EVERY_MS)
  return {
    update: () => undefined,
    note: tell,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
