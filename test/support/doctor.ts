import type { Finding } from '../../src/cli/doctor/finding.ts'
import { tidemark } from './process.ts'

/** The findings of `tidemark doctor --json`, by name of the check, and its exit status. */
export async function doctor(
  env: Record<string, string | undefined>,
): Promise<{ status: number | null; found: Record<string, Finding> }> {
  const { exited, output } = tidemark(['doctor', '--json'], env)
  const status = await exited
  const { healthy, findings } = JSON.parse(output.stdout) as { healthy: boolean; findings: Finding[] }
  if (healthy !== (status === 0)) throw new Error(`Healthy: ${healthy}, but the exit status is ${status}.`)
  return { status, found: Object.fromEntries(findings.map((finding) => [finding.check, finding])) }
}
