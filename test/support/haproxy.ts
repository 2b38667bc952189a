import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

/** Whether `haproxy` is installed. */
export const haproxyInstalled = spawnSync('haproxy', ['-v']).status === 0
if (!haproxyInstalled) console.warn('No haproxy here: .deploy/haproxy.cfg is not tried.')

/** HAProxy with the shipped configuration, in front of a server. */
export interface Haproxy extends AsyncDisposable {
  url: string
}

/** Starts it, with only the addresses changed. Resolves once it forwards requests. */
export async function haproxy(server: string): Promise<Haproxy> {
  const port = await freePort()
  const shipped = await readFile('.deploy/haproxy.cfg', 'utf8')
  const config = shipped
    .replace('bind :4000', `bind 127.0.0.1:${port}`)
    .replace(/server (tidemark-\d) .*/g, `server $1 ${new URL(server).host}`)
    .replace(' resolvers docker init-addr libc,none', '')
    .replace(/^resolvers docker(\n\t.*)*/m, '')
  const file = join(inject('scratch'), `haproxy-${port}.cfg`)
  await writeFile(file, config)
  const child: ChildProcess = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}.`)
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

/** Sends a request with this exact path. @param from the source address. @returns the status of the response. */
export async function rawRequest(url: string, lines: string[], body = '', from = '127.0.0.1'): Promise<number> {
  const { port, hostname } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, localAddress: from })
  socket.write(
    [...lines, 'Host: localhost', 'Connection: close', `Content-Length: ${body.length}`, '', body].join('\r\n'),
  )
  return Number((await text(socket)).split(' ', 2)[1])
}
