import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { until } from './until.ts'

/** A TCP connection of a client that reads only on demand, and never closes its side by itself. */
export interface Raw {
  socket: Socket
  send: (bytes: string | Buffer) => void
  /** The data read so far. */
  text: () => string
  /** Reads from now on, until the text matches. */
  read: (pattern: RegExp) => Promise<string>
  /** Resolves once the server accepts no more bytes, even meaningless ones. */
  broken: (nothing?: string | Buffer) => Promise<void>
}

/** Opens one. */
export async function raw(url: string): Promise<Raw> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.pause()
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    text: () => text,
    async read(pattern) {
      socket.resume()
      await until(() => pattern.test(text) || socket.destroyed || socket.readableEnded)
      return text
    },
    // A connection closed at the other end responds with a reset.
    broken: (nothing = '\r\n') =>
      until(() => {
        if (!socket.destroyed) socket.write(nothing)
        return socket.destroyed
      }),
  }
}

/** A raw request. */
export function request(path: string, headers: Record<string, string> = {}, body?: string): string {
  const all = { host: 'localhost', ...headers, ...(body !== undefined && { 'content-length': `${body.length}` }) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** A WebSocket message of less than 64 KiB, masked with zeros. */
export function frame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message))
  const head = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 0xff, 0, 0, 0, 0])
  return Buffer.concat([head, text])
}

/** An unsolicited pong. */
export const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

/** Reads slowly, until told to read the rest, of any size. @returns a function to do so. */
export function slowly({ socket, read }: Raw): (pattern: RegExp) => Promise<string> {
  let isSlow = true
  const piece = () => {
    if (!isSlow) return
    socket.pause()
    setTimeout(() => socket.resume(), 5)
  }
  socket.on('data', piece)
  socket.resume()
  return (pattern) => {
    isSlow = false
    return read(pattern)
  }
}

/** The handshake of a WebSocket. */
export function upgrade(path: string, headers: Record<string, string> = {}): string {
  return request(path, {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  })
}
