import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'

/** What a turn of load has measured: responses per second, and milliseconds. */
export interface Measured {
  perSecond: number
  p50: number
  p99: number
  /** Requests without a response of status 200, or with GraphQL errors in it. */
  failed: number
}

/** A turn of load: for each connection the bodies that it sends in turn. */
export interface Job {
  url: string
  headers?: Record<string, string>
  seconds: number
  bodies: string[][]
}

/** Runs it in a process of its own. @param core the only core that it may use. */
export async function load(job: Job, core: number | undefined): Promise<Measured> {
  const command = [process.execPath, 'test/bench/peers/load.js']
  const [file = '', ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(job))
  return (await json(child.stdout)) as Measured
}
