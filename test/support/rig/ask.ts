import { type Agent, request } from 'node:http'

/** What is asked over HTTP, and from where. */
export interface Asked {
  method?: string
  path?: string
  key?: string | null
  headers?: Record<string, string>
  body?: string | Buffer
  /** The loopback address that it comes from. */
  from?: string
  agent?: Agent
  /** How long to wait for the whole answer, in milliseconds. */
  patience?: number
}

/** What came of it. */
export interface Heard {
  /** The code of the first error in it, else its status, else what broke the connection. */
  outcome: string
  status?: number
  ms: number
  bytes: number
  /** How it begins. */
  text: string
  headers: Record<string, unknown>
}

/** How much of an answer is kept, in characters. */
const KEPT = 8_192

/** Sends a request on a connection of its own, unless an agent is given, reads the whole answer and keeps its beginning. Never rejects. */
export function ask(url: string, asked: Asked): Promise<Heard> {
  const { method = asked.body === undefined ? 'GET' : 'POST', path = '/graphql', key, from, body } = asked
  const began = performance.now()
  return new Promise((resolve) => {
    let text = ''
    let bytes = 0
    let status: number | undefined
    let headers: Record<string, unknown> = {}
    const end = (failure?: string) => {
      clearTimeout(timer)
      const [, code] = /"code":"(\w+)"/.exec(text) ?? []
      const outcome = failure ?? code ?? String(status)
      resolve({ outcome, status, ms: Math.round(performance.now() - began), bytes, text, headers })
    }
    const { hostname, port } = new URL(url)
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path,
        agent: asked.agent ?? false,
        localAddress: from,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...(key != null && { authorization: `Bearer ${key}` }),
          ...asked.headers,
        },
      },
      (answer) => {
        status = answer.statusCode
        headers = answer.headers
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (text.length < KEPT) text += chunk.toString('latin1', 0, KEPT)
        })
        answer.on('end', () => end())
        answer.on('error', (error: NodeJS.ErrnoException) => end(`cut off: ${error.code}`))
      },
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    const timer = setTimeout(() => {
      end('no answer')
      outgoing.destroy()
    }, asked.patience ?? 300_000)
    outgoing.end(body)
  })
}

/** Runs an operation over HTTP. */
export function askGraphql(
  url: string,
  key: string | null,
  query: string,
  variables: object = {},
  more: Asked = {},
): Promise<Heard> {
  return ask(url, { key, body: JSON.stringify({ query, variables }), ...more })
}
