/** How long a stop may take before the process ends all the same, in milliseconds. */
const DRAIN_MS = 10_000

/** A second signal this soon is the same stop: a terminal and npm each pass on one Ctrl-C. In milliseconds. */
const SAME_STOP_MS = 2_000

/** Tells of what goes on while the process ends. */
export interface StopLog {
  info(details: object, message: string): void
  fatal(details: object, message: string): void
}

/**
 * Runs `close` once when the process is asked to end, or when something was thrown that nobody caught, and then ends it: with
 * status 0 if it was asked, else 1. Whoever asks again, later, does not want to wait.
 * @returns a signal that fires when the stop begins.
 */
export function stopWithGrace(log: StopLog, close: () => Promise<void>): AbortSignal {
  const stopping = new AbortController()
  let begun = 0

  async function stop(status: 0 | 1): Promise<void> {
    begun = Date.now()
    stopping.abort()
    process.exitCode = status
    // What is closed lets the process end by itself; this is for what is not.
    const late = setTimeout(() => {
      log.fatal({ afterMs: DRAIN_MS }, 'not closed in time: ending all the same')
      process.exit(1)
    }, DRAIN_MS)
    try {
      await close()
      late.unref()
    } catch (err) {
      log.fatal({ err }, 'closing failed')
      process.exit(1)
    }
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (begun === 0) {
        log.info({ signal }, 'stopping')
        void stop(0)
      } else if (Date.now() - begun > SAME_STOP_MS) {
        process.exit(1)
      }
    })
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (err) => {
      log.fatal({ err }, 'stopping after an error')
      if (begun === 0) void stop(1)
    })
  }
  return stopping.signal
}
