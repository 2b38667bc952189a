import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { on, once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { NODE_OPTIONS } from './node-options.ts'

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
 * @param stdin whether standard input is empty, `child.stdin`, or an open file.
 */
export function tidemark(
  args: string[],
  env: Record<string, string | undefined> = {},
  stdin: 'ignore' | 'pipe' | number = 'ignore',
): Process {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [...NODE_OPTIONS, 'dist/main.js', ...args], {
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

/** The process that runs the commands of this worker, and the end of the newest of them. */
let host: ChildProcess | undefined
let newest: Promise<unknown> = Promise.resolve()

/**
 * Runs a command as `tidemark()` does, without standard input, in a process that has run others before, after these.
 * `tidemark()` is for what depends on the process: signals, terminals, standard input, commands at the same time.
 */
export function command(
  args: string[],
  env: Record<string, string | undefined> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const outcome = newest.then(() => runInHost(args, env))
  newest = outcome.catch(() => undefined)
  return outcome
}

async function runInHost(args: string[], env: Record<string, string | undefined>) {
  host ??= startHost()
  const child = host
  const end = `\n${randomUUID()}\n`
  const output = { stdout: '', stderr: '' }
  const reading = new AbortController()
  const { signal } = reading
  const printed = (['stdout', 'stderr'] as const).map(async (name) => {
    for await (const [text] of on(child[name] as Readable, 'data', { signal })) {
      output[name] += text
      if (output[name].endsWith(end)) break
    }
    return output[name].slice(0, -end.length)
  })
  const answered = once(child, 'message', { signal })
  const gone = once(child, 'close', { signal }).then(([status]) => {
    host = undefined
    throw new Error(`Ended with ${status} in ${args.join(' ')}:\n${output.stdout}${output.stderr}`)
  })
  child.send({ args, env: { LOG_LEVEL: 'warn', ...env }, end })
  try {
    const done = Promise.all([...printed, answered])
    const [stdout, stderr, [{ code }]] = (await Promise.race([done, gone])) as [string, string, [{ code: number }]]
    return { code, stdout, stderr }
  } finally {
    gone.catch(() => undefined)
    reading.abort()
  }
}

/** It ends with this process, which does not wait for it. */
function startHost(): ChildProcess {
  const { PATH, HOME } = process.env
  const child = fork('test/support/command-host.js', { env: { PATH, HOME }, execArgv: [...NODE_OPTIONS], silent: true })
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8')
  return child
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
