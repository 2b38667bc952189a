import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'
import { type ProxyProgram, startProxyProgram } from './proxy-program.ts'

/** Whether `haproxy` is installed. */
export const haproxyInstalled = installed('haproxy', '-v')

/** Starts it, with only the addresses changed. Resolves once it forwards requests. */
export async function haproxy(server: string): Promise<ProxyProgram> {
  const port = await freePort()
  const shipped = await readFile('.deploy/haproxy.cfg', 'utf8')
  const config = shipped
    .replace('bind :4000', `bind 127.0.0.1:${port}`)
    .replace(/server (tidemark-\d) .*/g, `server $1 ${new URL(server).host}`)
    .replace(' resolvers docker init-addr libc,none', '')
    .replace(/^resolvers docker(\n\t.*)*/m, '')
  const file = join(inject('scratch'), `haproxy-${port}.cfg`)
  await writeFile(file, config)
  return await startProxyProgram('haproxy', ['-db', '-q', '-f', file], port)
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
