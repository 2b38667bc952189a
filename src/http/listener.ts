import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '../config.ts'
import { StartError } from '../errors.ts'
import type { Call, Calls } from '../lib/call.ts'
import type { Drainer } from './drainer.ts'
import { normalizeRequest } from './normalize-request.ts'
import type { RequestQueue } from './request-queue.ts'

/** Milliseconds to receive the headers and the whole request (not to respond), and the check interval. */
const RECEIVING = { headersTimeout: 15_000, requestTimeout: 60_000, connectionsCheckingInterval: 5_000 }

export function createHttpServer({ keepAliveSeconds }: Pick<Config, 'keepAliveSeconds'>): Server {
  return createServer({ ...RECEIVING, keepAliveTimeout: keepAliveSeconds * 1_000 })
}

interface Handlers {
  graphql(request: IncomingMessage, response: ServerResponse, call: Call): void
  routes(request: IncomingMessage, response: ServerResponse): void
}

interface Listening {
  queue: RequestQueue
  drainer: Drainer
  calls: Calls
  graphiql: boolean
}

/** Hands each request, in its turn on its connection, to the GraphQL pipeline or to the other routes. */
export function handleRequests(
  http: Server,
  { queue, drainer, calls, graphiql }: Listening,
  { graphql, routes }: Handlers,
): void {
  http.on('request', (request, response) => queue.run(request.socket, response, () => handle(request, response)))
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    drainer.add(response)
    normalizeRequest(request)
    const call = calls.overHttp(request, response)
    response.setHeader('x-content-type-options', 'nosniff')
    // Yoga and Hono both build a URL from it, and one of them answers with a stack trace when that fails.
    if (!isHost(request.headers.host ?? 'localhost')) response.writeHead(400).end()
    else if (isGraphql(request, graphiql)) {
      call.enter('graphql')
      graphql(request, response, call)
    } else routes(request, response)
  }
}

let lastHost = 'localhost'

// Most requests name the same host.
function isHost(host: string): boolean {
  if (host === lastHost) return true
  if (!URL.canParse(`http://${host}`)) return false
  lastHost = host
  return true
}

// With GraphiQL on, a browser that opens /graphql gets the page.
function isGraphql({ url, method, headers }: IncomingMessage, graphiql: boolean): boolean {
  const page = graphiql && method === 'GET' && headers.accept?.includes('text/html')
  return url?.split('?', 1)[0] === '/graphql' && !page
}

/** Listens on HOST and PORT. @returns the URL, without a trailing slash. @throws StartError that says what to fix. */
export async function listen(http: Server, { port, host }: Pick<Config, 'port' | 'host'>): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error)))
    http.listen(port, host, () => {
      http.removeAllListeners('error')
      resolve()
    })
  })
  const { port: bound } = http.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'PORT is already in use. Stop the process that uses it, or choose another.',
  EACCES: 'Permission denied for this PORT; use one above 1023.',
  EADDRNOTAVAIL: 'HOST is not an address of this machine.',
  ENOTFOUND: 'HOST cannot be resolved.',
}

function cannotListen({ code, message }: NodeJS.ErrnoException): StartError {
  return new StartError(`${REASONS[code ?? ''] ?? 'Cannot listen on HOST and PORT.'} (${message})`)
}
