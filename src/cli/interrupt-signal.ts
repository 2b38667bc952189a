import { constants } from 'node:os'

export interface InterruptSignal extends Disposable {
  readonly signal: AbortSignal
  /** Exit status, 128 plus the signal's number; undefined before any signal. */
  readonly status: number | undefined
}

/** The first SIGINT, SIGTERM or SIGHUP aborts `signal`, so that a command can finish; the second exits at once. */
export function listenForInterrupt(): InterruptSignal {
  const stopping = new AbortController()
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  let status: number | undefined
  const stop = (name: (typeof names)[number]) => {
    const last = status !== undefined
    status = 128 + constants.signals[name]
    if (last) process.exit(status)
    stopping.abort()
  }
  for (const name of names) process.on(name, stop)
  return {
    signal: stopping.signal,
    get status() {
      return status
    },
    [Symbol.dispose]() {
      for (const name of names) process.off(name, stop)
    },
  }
}
