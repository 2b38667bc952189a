import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { graphql, type Result } from '../server.ts'

/** A server process of a checkout. */
export interface Node {
  url: string
  port: number
  pid: number
  /** The end of its standard error so far. */
  log: () => string
  alive: () => boolean
  /** Resolves with the exit status, or the name of the signal that ended it. */
  exited: Promise<number | string>
  /** Runs an operation over HTTP, as root unless a key is given. */
  graphql: (query: string, variables?: object, key?: string | null) => Promise<Result>
  /** Stops it, by SIGKILL if it does not stop in time. */
  stop: () => Promise<number | string>
}

export const ROOT_KEY = 'test-root-api-key'

/** Timeout of a stop, in milliseconds, before it is killed. */
const STOP_TIMEOUT_MS = 15_000

/**
 * Starts one on a free port with default limits.
 * @param checkout where `dist` is.
 * @param heap heap limit, in MiB.
 * @param core the only core that it may use.
 */
export async function startNode(
  checkout: string,
  env: Record<string, string | undefined>,
  { heap, core }: { heap?: number; core?: number } = {},
): Promise<Node> {
  const { PATH, HOME } = process.env
  const command = [process.execPath, join(checkout, 'dist/main.js'), 'serve']
  if (core !== undefined) command.unshift('taskset', '-c', String(core))
  const [file = '', ...args] = command
  const child: ChildProcess = spawn(file, args, {
    env: {
      PATH,
      HOME,
      LOG_LEVEL: 'warn',
      PORT: '0',
      ROOT_API_KEY: ROOT_KEY,
      ...(heap !== undefined && { NODE_OPTIONS: `--max-old-space-size=${heap}` }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr?.on('data', (data) => {
    log = (log + data).slice(-200_000)
  })
  let ended = false
  const exited = once(child, 'exit').then(([code, signal]) => {
    ended = true
    return (code ?? signal) as number | string
  })
  const url = await Promise.race([
    readyUrl(child),
    exited.then((status) => {
      throw new Error(`The server ended with ${status}:\n${log}`)
    }),
  ])
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid as number,
    log: () => log,
    alive: () => !ended,
    exited,
    graphql: (query, variables, key = ROOT_KEY) => graphql(url, query, variables, key),
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      return exited.finally(() => clearTimeout(timer))
    },
  }
}

async function readyUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout) {
    for await (const line of createInterface({ input: stdout })) {
      const [, url] = /ready: (http:\S+)\/graphql/.exec(line) ?? []
      if (url === undefined) continue
      // A full pipe would block it.
      stdout.resume()
      return url
    }
  }
  return new Promise(() => undefined)
}
