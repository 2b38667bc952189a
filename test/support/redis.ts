import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'

/** Whether there is a `redis-server` to run. */
export const redisInstalled = installed('redis-server')

/** A Redis server of one's own, on one port, that can be stopped and started again. */
export interface RedisServer extends AsyncDisposable {
  url: string
  /** Resolves once it takes connections. */
  start(): Promise<void>
  /** Kills it without a word to its clients. */
  stop(): Promise<void>
  /** Has it hang, its connections open, and go on. */
  pause(): void
  resume(): void
}

/** One that is not started yet, on a free port. @param more options of its command line. */
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
      const started = spawn('redis-server', [...words, ...more], { stdio: ['ignore', 'pipe', 'inherit'] })
      child = started
      for await (const line of createInterface({ input: started.stdout })) {
        if (line.includes('Ready to accept connections')) {
          // Goes on reading, into nothing: a full pipe would stop it.
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
