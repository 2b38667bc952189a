import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'
import type { HttpRequest } from './scenarios.ts'

/** What a turn of load has measured: responses per second, and milliseconds. */
export interface Measured {
  perSecond: number
  p50: number
  p99: number
  /** Numbers of requests without a response, with another status, or with GraphQL errors, by what is wrong. */
  failures: Record<string, number>
}

/** A turn of load: for each connection the requests that it sends in turn. */
export interface Job {
  /** Of which only the origin counts. */
  url: string
  /** Of all requests, besides their own. */
  headers: Record<string, string>
  seconds: number
  /** That all responses have. */
  status: number
  requests: HttpRequest[][]
}

/** Runs it in a process of its own. @param core the only core that it may use. */
export async function load(job: Job, core: number | undefined): Promise<Measured> {
  const command = [process.execPath, 'test/bench/peers/load.js']
  const [file = '', ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(job))
  return (await json(child.stdout)) as Measured
}
