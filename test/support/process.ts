import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A `tidemark` process. */
export interface Process {
  child: ChildProcess
  /** Its output so far. */
  output: { stdout: string; stderr: string }
  /** Resolves with the first line of standard output that matches; rejects if the process ends before. */
  line(pattern: RegExp): Promise<RegExpMatchArray>
  /** Resolves with the exit status once it has ended, null if a signal ended it. */
  exited: Promise<number | null>
}

/**
 * Runs the command line, as `npm run build` made it. Settings come from `env` alone, beside PATH.
 * @param stdin whether standard input is empty or `child.stdin`.
 */
export function tidemark(
  args: string[],
  env: Record<string, string | undefined> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Process {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, ['dist/main.js', ...args], {
    env: { PATH, HOME, LOG_LEVEL: 'warn', ...env },
    stdio: [stdin, 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const resume of waiting) resume()
  }
  child.stderr.on('data', (data) => {
    output.stderr += data
  })
  createInterface({ input: child.stdout }).on('line', (text) => {
    output.stdout += `${text}\n`
    lines.push(text)
    wake()
  })
  let ended = false
  const exited = once(child, 'close').then(([code]) => {
    ended = true
    wake()
    return code as number | null
  })
  async function line(pattern: RegExp): Promise<RegExpMatchArray> {
    for (let i = 0; ; i++) {
      while (i >= lines.length) {
        if (ended)
          throw new Error(`The process ended without a line like ${pattern}:\n${output.stdout}${output.stderr}`)
        await new Promise<void>((resolve) => {
          const resume = () => {
            waiting.delete(resume)
            resolve()
          }
          waiting.add(resume)
        })
      }
      const match = lines[i]?.match(pattern)
      if (match) return match
    }
  }
  return { child, output, line, exited }
}

/** A server process, once it is ready. @returns its URL and the process. */
export async function serve(env: Record<string, string | undefined>): Promise<Process & { url: string }> {
  const started = tidemark(['serve'], {
    PORT: '0',
    ROOT_API_KEY: 'test-root-api-key',
    REQUESTS_PER_MINUTE: '1000000',
    ...env,
  })
  const [, url] = await started.line(/ready: (http:\S+)\/graphql/)
  return { ...started, url: url ?? '' }
}
