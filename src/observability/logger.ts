import { SuppressedError } from '@whatwg-node/disposablestack'
import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from '../config.ts'

export function createLogger(level: Config['logLevel'], destination: DestinationStream): Logger {
  return pino({ level, serializers: { err: lineOf } }, destination)
}

/** Characters that may wait for the reader of the log. Later lines are dropped. */
const MOST_WAITING = 1_048_576

/** Standard error. A reader that no longer reads does not block the process, nor does one that has left end it. */
export function standardError(): DestinationStream {
  const output = process.stderr
  output.off('error', ignore).on('error', ignore)
  return { write: (line) => void (output.writableLength < MOST_WAITING && output.write(line)) }
}

function ignore(): void {}

interface ErrorLine {
  type: string
  message: string
  stack?: string
  code?: unknown
  cause?: ErrorLine
  errors?: ErrorLine[]
}

// Omits other members, which pino would log: driver errors carry client input.
function lineOf(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const { name, message, stack, cause } = error
  const { code } = error as { code?: unknown }
  return {
    type: name,
    message,
    stack,
    code,
    cause: cause === undefined ? undefined : lineOf(cause),
    errors: parts(error)?.map(lineOf),
  }
}

function parts(error: Error): unknown[] | undefined {
  if (error instanceof SuppressedError) return [error.error, error.suppressed]
  return error instanceof AggregateError ? error.errors : undefined
}
