import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'

/** A process that is watched, with a limit of two seconds, and then does something. */
function watched(code: string): ChildProcess {
  const script = `import { watchMainThread } from './src/lib/watchdog.ts'; const watchdog = watchMainThread(2); ${code}`
  return spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

// They wait for real time to pass, concurrently.
test.concurrent('A process whose main thread spins is ended, and its last line says so', async () => {
  // It would not respond to a signal, either.
  const child = watched("process.on('SIGTERM', () => undefined); for (;;);")
  const printed = text(child.stderr as NodeJS.ReadableStream)
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  expect(JSON.parse(await printed)).toMatchObject({
    level: 60,
    msg: expect.stringMatching(/^the main thread has not run for 2 s/),
  })
})

test.concurrent('The time for which a process is suspended does not count', async () => {
  const child = watched("console.log('running'); process.stdin.resume(); setTimeout(() => process.exit(7), 3_000)")
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGSTOP')
  await setTimeout(4_000)
  child.kill('SIGCONT')
  expect(await once(child, 'exit')).toEqual([7, null])
})

test.concurrent('A process that is no longer watched ends by itself', async () => {
  const child = watched('watchdog[Symbol.dispose]()')
  expect(await once(child, 'exit')).toEqual([0, null])
})
