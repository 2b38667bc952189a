import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { transform } from 'esbuild'
import { expect, type TestContext, test } from 'vitest'

// Without tsx, which takes longer to load than all else here.
const source = await readFile('src/lib/watchdog.ts', 'utf8')
const { code: WATCHDOG } = await transform(source, { loader: 'ts', format: 'esm' })

/** A process that is watched, with a limit in seconds, and then does something. */
function watched({ onTestFinished }: TestContext, code: string, limit = 2): ChildProcess {
  const script = `${WATCHDOG}
    const watchdog = watchMainThread(${limit})
    ${code}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

// They wait for real time to pass, concurrently.
test.concurrent('A process whose main thread spins is ended, and its last line says so', async (context) => {
  // It would not respond to a signal, either.
  const child = watched(context, "process.on('SIGTERM', () => undefined); for (;;);")
  const printed = text(child.stderr as NodeJS.ReadableStream)
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  expect(JSON.parse(await printed)).toMatchObject({
    level: 60,
    msg: expect.stringMatching(/^the main thread has not run for 2 s/),
  })
})

test.concurrent('The time for which a process is suspended does not count', async (context) => {
  // Spins until it notices that it was suspended, and then for longer than the watchdog would need.
  const code = `let last = Date.now()
    console.log('running')
    for (let now = last; now - last < 5_000; now = Date.now()) last = now
    for (last = Date.now(); Date.now() - last < 2_000; );
    process.exit(7)`
  const child = watched(context, code, 10)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGSTOP')
  await setTimeout(11_000)
  child.kill('SIGCONT')
  expect(await once(child, 'exit')).toEqual([7, null])
})

test.concurrent('A process that is no longer watched ends by itself', async (context) => {
  const child = watched(context, 'watchdog[Symbol.dispose]()')
  expect(await once(child, 'exit')).toEqual([0, null])
})
