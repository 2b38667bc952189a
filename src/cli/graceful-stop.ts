const DRAIN_MS = 10_000

/** Milliseconds for what is left after closing: connections to a peer that is gone, output that is not read. */
const REST_MS = 500

/** A second signal within this many milliseconds is the same Ctrl-C, sent by the terminal and by npm. */
const SAME_STOP_MS = 2_000

export interface StopLog {
  info(details: object, message: string): void
  fatal(details: object, message: string): void
}

/** Closes once, then exits: 0 after a signal, 1 after an error; a later signal exits at once. @returns aborts then. */
export function stopGracefully(log: StopLog, close: () => Promise<void>): AbortSignal {
  const stopping = new AbortController()
  let begun = 0

  async function stop(status: 0 | 1): Promise<void> {
    begun = performance.now()
    stopping.abort()
    process.exitCode = status
    // Closing lets the process end by itself.
    const late = setTimeout(() => {
      log.fatal({ afterMs: DRAIN_MS }, 'shutdown timed out: exiting')
      process.exit(1)
    }, DRAIN_MS)
    try {
      await close()
      clearTimeout(late)
      setTimeout(() => process.exit(), REST_MS).unref()
    } catch (err) {
      log.fatal({ err }, 'shutdown failed')
      process.exit(1)
    }
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (begun === 0) {
        log.info({ signal }, 'stopping')
        void stop(0)
      } else if (performance.now() - begun > SAME_STOP_MS) {
        process.exit(1)
      }
    })
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (err) => {
      log.fatal({ err }, 'stopping after an unexpected error')
      if (begun === 0) void stop(1)
      process.exitCode = 1
    })
  }
  return stopping.signal
}
