import { type Agent, request } from 'node:http'

/** An HTTP request, and its source. */
export interface RequestOptions {
  method?: string
  path?: string
  key?: string | null
  headers?: Record<string, string>
  body?: string | Buffer
  /** The loopback source address. */
  from?: string
  agent?: Agent
  /** Timeout of the whole response, in milliseconds. */
  patience?: number
}

/** The result. */
export interface Outcome {
  /** The code of the first error in it, else its status, else the connection error. */
  outcome: string
  status?: number
  ms: number
  bytes: number
  /** Its beginning. */
  text: string
  headers: Record<string, unknown>
}

/** How much of a response is kept, in characters. */
const KEPT = 8_192

/**
 * Sends a request on its own connection, unless an agent is given, reads the whole response and keeps its beginning.
 * Never rejects.
 */
export function sendRequest(url: string, options: RequestOptions): Promise<Outcome> {
  const { method = options.body === undefined ? 'GET' : 'POST', path = '/graphql', key, from, body } = options
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
        agent: options.agent ?? false,
        localAddress: from,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...(key != null && { authorization: `Bearer ${key}` }),
          ...options.headers,
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
    }, options.patience ?? 300_000)
    outgoing.end(body)
  })
}

/** Runs an operation over HTTP. */
export function sendGraphql(
  url: string,
  key: string | null,
  query: string,
  variables: object = {},
  more: RequestOptions = {},
): Promise<Outcome> {
  return sendRequest(url, { key, body: JSON.stringify({ query, variables }), ...more })
}
