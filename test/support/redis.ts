import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'

/** Whether `redis-server` is installed. */
export const redisInstalled = installed('redis-server')

/** A separate Redis server, on one port, that can be stopped and started again. */
export interface RedisServer extends AsyncDisposable {
  url: string
  /** Resolves once it accepts connections. */
  start(): Promise<void>
  /** Kills it without notifying its clients. */
  stop(): Promise<void>
  /** Suspends it, with its connections open, and resumes it. */
  pause(): void
  resume(): void
}

/** One that is not started yet, on a free port. @param more command line options. */
export async function redisServer(more: string[] = []): Promise<RedisServer> {
  const port = await freePort()
  let child: ChildProcess | undefined
  const stop = async () => {
    if (!child) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    child = undefined
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no' }
      const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
      const started = spawn('redis-server', [...words, ...more], { stdio: ['ignore', 'pipe', 'ignore'] })
      child = started
      for await (const line of createInterface({ input: started.stdout })) {
        if (line.includes('Ready to accept connections')) {
          // Continues to read and discard: a full pipe would block it.
          started.stdout.resume()
          return
        }
      }
      throw new Error(`redis-server ended before it was ready, at port ${port}.`)
    },
    stop,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    [Symbol.asyncDispose]: stop,
  }
}
