import { spawnSync } from 'node:child_process'

/** Whether a program is installed. @throws Error if it is not and REQUIRE_PROGRAMS is set: no silent skips. */
export function installed(program: string, versionOption = '--version'): boolean {
  if (spawnSync(program, [versionOption]).status === 0) return true
  if (process.env.REQUIRE_PROGRAMS) throw new Error(`REQUIRE_PROGRAMS is set, but ${program} cannot be run.`)
  console.warn(`No ${program} in PATH: the tests that need it are skipped.`)
  return false
}
