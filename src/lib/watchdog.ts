import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'

/** Far longer than anything takes without yielding to the event loop, in seconds. */
const LIMIT = 60

// As text, because it runs from the sources and from the bundle. It counts its own ticks and reads no clock, so the
// time for which the process or the machine is suspended does not count. Only SIGKILL ends a thread that spins.
const WATCH = `
const { write } = require('node:fs')
const { beats, limit } = require('node:worker_threads').workerData
const end = () => process.kill(process.pid, 'SIGKILL')
let seen = -1
let missed = 0
setInterval(() => {
  const beat = Atomics.load(beats, 0)
  missed = beat === seen && Atomics.load(beats, 1) === 0 ? missed + 1 : 0
  seen = beat
  if (missed !== limit) return
  const msg = 'the main thread has not run for ' + limit + ' s, as when the disk is full: ending the process'
  write(2, JSON.stringify({ level: 60, time: Date.now(), pid: process.pid, msg }) + '\\n', end)
  setTimeout(end, 1000)
}, 1000)
`

/** Ends the process, with a last line on standard error, when its main thread is blocked for `limit` seconds. */
export function watchMainThread(limit = LIMIT): Disposable {
  const beats = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(WATCH, { eval: true, workerData: { beats, limit }, execArgv: [], env: {} })
  worker.unref()
  const beat = setInterval(() => {
    Atomics.add(beats, 0, 1)
    // A debugger stops the thread for as long as it likes.
    Atomics.store(beats, 1, Number(inspector.url() !== undefined))
  }, 1_000)
  beat.unref()
  return {
    [Symbol.dispose]() {
      clearInterval(beat)
      void worker.terminate()
    },
  }
}
