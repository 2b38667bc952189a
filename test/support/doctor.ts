import type { Finding } from '../../src/cli/doctor/finding.ts'
import { command, tidemark } from './process.ts'

/** The findings of `tidemark doctor --json`, by name of the check, and its exit status. */
export async function doctor(
  env: Record<string, string | undefined>,
): Promise<{ status: number | null; found: Record<string, Finding> }> {
  const args = ['doctor', '--json']
  // Options of Node.js are for a process of its own.
  const { code: status, stdout } = env.NODE_OPTIONS === undefined ? await command(args, env) : await alone(args, env)
  const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] }
  if (healthy !== (status === 0)) throw new Error(`Healthy: ${healthy}, but the exit status is ${status}.`)
  return { status, found: Object.fromEntries(findings.map((finding) => [finding.check, finding])) }
}

async function alone(args: string[], env: Record<string, string | undefined>) {
  const { exited, output } = tidemark(args, env)
  return { code: await exited, ...output }
}
