import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'

/** A proxy of another project, in front of a server. */
export interface ProxyProgram extends AsyncDisposable {
  url: string
}

/** Starts it. @param port on which it listens. Resolves once it forwards requests. */
export async function startProxyProgram(program: string, args: string[], port: number): Promise<ProxyProgram> {
  const child = spawn(program, args, { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}.`)
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true
  })
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
