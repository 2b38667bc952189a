import type { Config } from '../../config.ts'
import { flash, print, printJson } from '../terminal.ts'
import type { Finding } from './finding.ts'
import { runChecks } from './run-checks.ts'

/** Prints each finding as it comes; exit status 1 when one is a problem. */
export async function runDoctor(
  readSettings: () => Config,
  warnings: readonly string[],
  { json }: { json?: boolean },
): Promise<void> {
  const findings: Finding[] = []
  for await (const finding of runChecks(readSettings, warnings, (streams) => flash(`${streams} streams`))) {
    findings.push(finding)
    if (!json) print(describe(finding))
  }
  const healthy = findings.every(({ state }) => state !== 'problem')
  if (json) printJson({ healthy, findings }, 2)
  if (!healthy) process.exitCode = 1
}

const DETAILS = 10

function describe({ check, state, found, advice, details = [] }: Finding): string {
  const line = `${state.padEnd(8)} ${check.padEnd(12)} ${[found, advice].filter(Boolean).join(' ')}`
  const rest = details.length > DETAILS ? [`… and ${details.length - DETAILS} more: see --json`] : []
  return [line, ...[...details.slice(0, DETAILS), ...rest].map((detail) => `${' '.repeat(22)}${detail}`)].join('\n')
}
