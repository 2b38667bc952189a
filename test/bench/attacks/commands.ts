import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { processFigures } from '../../support/rig/figures.ts'

/** Result of a command. */
export interface Ran {
  status: number | string
  output: string
  seconds: number
  /** Peak memory in MiB. */
  peak: number
}

/** Runs a command of a checkout, with a timeout in seconds. */
export async function runCommand(
  checkout: string,
  args: string[],
  env: Record<string, string | undefined>,
  seconds = 60,
): Promise<Ran> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [join(checkout, 'dist/main.js'), ...args], {
    env: { PATH, HOME, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const began = performance.now()
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      output = (output + data).slice(-100_000)
    })
  let peak = 0
  const sampling = setInterval(async () => {
    peak = Math.max(peak, (await processFigures(child.pid as number))?.peak ?? 0)
  }, 100)
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1_000)
  const [code, signal] = await once(child, 'close')
  clearInterval(sampling)
  clearTimeout(timer)
  return { status: code ?? signal, output, seconds: Math.round((performance.now() - began) / 100) / 10, peak }
}
