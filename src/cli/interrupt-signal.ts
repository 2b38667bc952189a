import { constants } from 'node:os'

/** A wish to stop, from outside. */
export interface Interruption extends Disposable {
  /** Fires when the process is asked to end. */
  readonly signal: AbortSignal
  /** The status of a process that ended because of it; undefined while nobody has asked. */
  readonly status: number | undefined
}

/** Lets a command end in its own time when the process is asked to; whoever asks again does not want to wait. */
export function listenForInterruption(): Interruption {
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
