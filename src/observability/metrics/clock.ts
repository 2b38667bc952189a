import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import type { ClockReading } from '../../log/trusted-clock.ts'

/** Reports and logs a database clock that was set, and streams that it is behind. @returns a function for readings. */
export function createClockHandler(registry: Registry, logger: Logger): (reading: ClockReading) => void {
  const registers = [registry]
  const ahead = new Gauge({
    name: 'tidemark_stream_time_ahead_seconds',
    help:
      'How far the newest event of any stream is ahead of the database clock. 0 up to 60 seconds. The clock was ' +
      'ahead when the event was recorded, or is behind now.',
    registers,
  })
  const lag = new Gauge({
    name: 'tidemark_retention_clock_lag_seconds',
    help:
      'How far the database clock is ahead of the time that age retention uses: the time since the servers last ' +
      'ran, or a clock that was set forward. It follows when the clock has been steady for an hour.',
    registers,
  })
  let known = 0
  return ({ clock, trusted, jump, ahead: { streams, newest, ids } }) => {
    const seconds = newest === null ? 0 : (newest - clock) / 1_000
    ahead.set(seconds)
    lag.set((clock - trusted) / 1_000)
    if (jump !== undefined)
      logger.warn(
        { seconds: jump / 1_000 },
        'the database clock was set: age retention follows it forward when it has been steady for an hour',
      )
    if (streams > known)
      logger.warn(
        { streams, seconds, streamIds: ids },
        'streams have events later than the database clock: their next ones follow a millisecond apart',
      )
    known = streams
  }
}
