import { connect, type Socket } from 'node:net'

/** How the body is announced: correctly, chunked, not at all, or longer or shorter than it is. */
export type Framing = 'length' | 'chunked' | 'none' | 'longer' | 'shorter' | 'both' | 'broken chunks'

/** A raw request, without a client library, so that it can be anything. */
export interface RawRequest {
  method: string
  target: string
  headers: (readonly [name: string, value: string])[]
  body: string
  framing: Framing
  /** Disconnects after this part of its bytes, 0 to 1, without waiting for a response. */
  leaves?: number
}

export interface Answer {
  /** Absent if the connection was closed without a response. */
  status?: number
  head: string
  body: string
  /** Whether it is complete; streams and broken connections end early. */
  whole: boolean
}

/** The bytes of a request. */
function bytesOf({ method, target, headers, body, framing }: RawRequest): Buffer {
  const content = Buffer.from(body)
  const announced = framingHeaders(framing, content.length)
  // Characters that would end the head or begin another line are left to the other parts.
  const lines = [...headers, ...announced].map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`)
  const head = [`${method} ${target} HTTP/1.1`, ...lines, 'connection: close'].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), inFrames(framing, content)])
}

function framingHeaders(framing: Framing, length: number): [string, string][] {
  switch (framing) {
    case 'length':
      return [['content-length', String(length)]]
    case 'longer':
      return [['content-length', String(length + 10)]]
    case 'shorter':
      return [['content-length', String(Math.max(length - 10, 0))]]
    case 'both':
      return [
        ['content-length', String(length)],
        ['transfer-encoding', 'chunked'],
      ]
    case 'chunked':
    case 'broken chunks':
      return [['transfer-encoding', 'chunked']]
    case 'none':
      return []
  }
}

function inFrames(framing: Framing, content: Buffer): Buffer {
  if (framing === 'broken chunks') return Buffer.concat([Buffer.from('5\r\n'), content, Buffer.from('\r\nzz\r\n')])
  if (framing !== 'chunked' && framing !== 'both') return content
  const chunk =
    content.length > 0 ? [Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')] : []
  return Buffer.concat([...chunk, Buffer.from('0\r\n\r\n')])
}

/**
 * Sends it and reads the response to its end. An event stream is left after its first part, once `meanwhile` has
 * resolved. Bytes that follow an upgrade go over the upgraded connection.
 */
export async function exchange(url: string, request: RawRequest, meanwhile: () => Promise<unknown>): Promise<Answer> {
  const bytes = bytesOf(request)
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // Connection errors count as a response, too.
  socket.on('error', () => undefined)
  const { leaves } = request
  if (leaves !== undefined) {
    await new Promise((resolve) => socket.write(bytes.subarray(0, leaves * bytes.length), resolve))
    await meanwhile()
    socket.destroy()
    return { head: '', body: '', whole: false }
  }
  socket.write(bytes)
  // A body shorter than announced ends here.
  if (request.framing === 'longer' || request.framing === 'broken chunks') socket.end()
  try {
    return await read(socket, request.method === 'HEAD', meanwhile)
  } finally {
    socket.destroy()
  }
}

async function read(socket: Socket, headOnly: boolean, meanwhile: () => Promise<unknown>): Promise<Answer> {
  let received = ''
  let leaving: Promise<unknown> | undefined
  try {
    for await (const chunk of socket) {
      received = (received + (chunk as Buffer).toString('latin1')).replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, '')
      if (isWhole(received, headOnly)) break
      if (/^content-type: text\/event-stream/im.test(received)) leaving ??= meanwhile().finally(() => socket.destroy())
      if (received.startsWith('HTTP/1.1 101 ')) socket.end()
    }
  } catch {
    // Reset, or closed.
  }
  await leaving
  return toAnswer(received, headOnly)
}

function split(received: string): { status: number; head: string; body: string } | undefined {
  const end = received.indexOf('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]
  if (end < 0 || !status) return undefined
  return { status: Number(status), head: received.slice(0, end), body: received.slice(end + 4) }
}

function isWhole(received: string, headOnly: boolean): boolean {
  const { status, head, body } = split(received) ?? {}
  if (status === undefined || head === undefined || body === undefined || status === 101) return false
  if (headOnly || status === 204 || status === 304) return true
  const length = lengthOf(head)
  return length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= length
}

function toAnswer(received: string, headOnly: boolean): Answer {
  const { status, head = '', body = received } = split(received) ?? {}
  const length = lengthOf(head)
  const chunked = /^transfer-encoding: chunked/im.test(head)
  // The rest answers bytes after the request.
  const own = chunked ? joined(body) : body.slice(0, length)
  return { status, head, body: Buffer.from(own, 'latin1').toString(), whole: isWhole(received, headOnly) }
}

function lengthOf(head: string): number | undefined {
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  return length === undefined ? undefined : Number(length)
}

function joined(chunks: string): string {
  let text = ''
  for (let at = 0; at < chunks.length; ) {
    const start = chunks.indexOf('\r\n', at) + 2
    const length = Number.parseInt(chunks.slice(at, start), 16)
    if (start < 2 || !(length > 0)) break
    text += chunks.slice(start, start + length)
    at = start + length + 2
  }
  return text
}
