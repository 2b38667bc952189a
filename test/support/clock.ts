import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { installed } from './installed.ts'

/** Whether `faketime` is installed. */
export const faketimeInstalled = installed('faketime')

/** A clock for processes, which can be set while they run. */
export interface SettableClock {
  /** The environment of a process that has this clock, and so has its embedded database. */
  env: Record<string, string>
  /** @param offset from the real time, such as `+40d` or `-1h`; with ` x8`, it passes eight times as fast. */
  set(offset: string): void
}

/** A clock that is right at first. @param timePasses whether setting it also moves the monotonic clock. */
export function settableClock(timePasses = false): SettableClock {
  // The path of the library depends on the architecture; the program knows it.
  const { stdout } = spawnSync('faketime', ['-f', '+0s', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' })
  const file = join(inject('scratch'), randomUUID())
  const set = (offset: string) => {
    // Read at any moment, so never half-written.
    writeFileSync(`${file}.new`, `${offset}\n`)
    renameSync(`${file}.new`, file)
  }
  set('+0s')
  const env = {
    LD_PRELOAD: stdout.trim(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    NO_FAKE_STAT: '1',
    ...(!timePasses && { FAKETIME_DONT_FAKE_MONOTONIC: '1' }),
  }
  return { env, set }
}
