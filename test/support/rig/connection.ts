import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'

/** A raw TCP connection, read only on demand. */
export interface Connection {
  socket: Socket
  /** Bytes received while it was read. */
  received: () => number
  /** The beginning of the received data. */
  text: () => string
  /** Whether both sides are closed. */
  closed: () => boolean
  write: (bytes: string | Buffer) => void
}

/** Opens one that is not read. @param from the loopback source address. */
export async function openConnection(url: string, from?: string): Promise<Connection> {
  const { hostname, port } = new URL(url)
  // Like a client that never reads: it does not close its side when the other end does.
  const socket = connect({ host: hostname, port: Number(port), localAddress: from, allowHalfOpen: true })
  let received = 0
  let text = ''
  let closed = false
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    closed = true
  })
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined)
  socket.pause()
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (text.length < 8_192) text += chunk.toString('latin1', 0, 8_192)
  })
  socket.pause()
  return {
    socket,
    received: () => received,
    text: () => text,
    closed: () => closed,
    write: (bytes) => void (socket.destroyed || socket.write(bytes)),
  }
}

/** The bytes of a request. @param length the announced body length, if it differs from the real one. */
export function requestBytes(
  path: string,
  headers: Record<string, string | undefined> = {},
  body = '',
  length = Buffer.byteLength(body),
): string {
  const announced = { host: '127.0.0.1', ...(length > 0 && { 'content-length': String(length) }), ...headers }
  const lines = Object.entries(announced).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return `${length > 0 ? 'POST' : 'GET'} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** The bytes of an operation over HTTP. */
export function operationBytes(key: string, query: string, variables: object = {}): string {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return requestBytes('/graphql', headers, JSON.stringify({ query, variables }))
}

/** The head of a WebSocket handshake. */
export function upgradeBytes(path: string, headers: Record<string, string | undefined> = {}): string {
  return requestBytes(path, {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  })
}

/** How many of them the server still has open: a client that does not read does not see the end behind unread data. */
export async function heldByServer(connections: readonly Pick<Connection, 'socket'>[]): Promise<number> {
  const ports = new Set(connections.map(({ socket }) => socket.localPort))
  const servers = new Set(connections.map(({ socket }) => socket.remotePort))
  let held = 0
  for (const line of (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1)) {
    const [, local = '', remote = '', , , , , , , inode = '0'] = line.trim().split(/\s+/)
    // Without an inode, no process has it open.
    if (inode !== '0' && servers.has(portOf(local)) && ports.has(portOf(remote))) held++
  }
  return held
}

function portOf(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16)
}
