import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql'
import { handleProtocols, type Context as SocketContext } from 'graphql-ws'
import { type Extra, useServer } from 'graphql-ws/use/ws'
import { WebSocket, WebSocketServer } from 'ws'
import type { Authenticate } from '../auth/authenticate.ts'
import { bearerKey } from '../auth/credentials.ts'
import type { Viewer } from '../auth/viewer.ts'
import type { Context } from '../context.ts'
import type { Yoga } from '../yoga.ts'
import { Delivery } from './delivery.ts'

/** How often a socket must answer that it lives, in milliseconds. */
const HEARTBEAT_MS = 12_000

/** How long a client may take to introduce itself, in milliseconds. */
const INIT_MS = 3_000

/** The largest message that a client may send, in bytes: as for a request over HTTP. */
const MAX_MESSAGE_BYTES = 25_000_000

/** What is kept of a socket beside what graphql-ws keeps. */
type Kept = { viewer?: Viewer } & Record<PropertyKey, unknown>

/** How much may wait to be written to a socket before its next message is held back, in bytes. */
const MAX_BUFFERED_BYTES = 65_536

/**
 * A socket that takes a message as sent as soon as the system has room for it, so that several can go out in one write. graphql-ws
 * waits for each message before it asks for the next, which would otherwise cost every message a turn of the event loop.
 */
class UnhurriedSocket extends WebSocket {
  #instead: string | undefined

  override send(data: string, done?: unknown): void {
    const message = this.#instead ?? data
    this.#instead = undefined
    if (this.bufferedAmount > MAX_BUFFERED_BYTES) {
      super.send(message, done as (error?: Error) => void)
    } else {
      super.send(message)
      if (typeof done === 'function') done()
    }
  }

  /**
   * What to give graphql-ws as the result of an operation to have this JSON sent for it. graphql-ws makes a message's text and sends
   * it in one go; so whatever is told while the text is made is about the very next message.
   */
  payload(id: string, json: string): ExecutionResult {
    const toJSON = () => {
      this.#instead = `{"id":${JSON.stringify(id)},"type":"next","payload":${json}}`
    }
    return { toJSON } as ExecutionResult
  }
}

type Socket = SocketContext<Record<string, unknown>, Extra & Kept>

/** Serves `graphql-transport-ws` on `/graphql`. Disposing of it closes every socket with 1001, which clients take for a pause. */
export function serveWebSocket(http: Server, yoga: Yoga, authenticate: Authenticate): { dispose: () => Promise<void> } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols,
    WebSocket: UnhurriedSocket,
  })
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?', 1)[0] === '/graphql') {
      sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket, request))
    } else {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    }
  })
  const served = useServer<Record<string, unknown>, Kept>(
    {
      connectionInitWaitTimeout: INIT_MS,
      // A reason may help those who write clients; what went wrong inside is nobody's business.
      isProd: true,
      onConnect: async (socket) => {
        const viewer = await authenticate(bearerKey(authorization(socket.connectionParams)))
        socket.extra.viewer = viewer
        return viewer.type !== 'anonymous'
      },
      onSubscribe: (socket, _id, params) => prepare(yoga, socket, params),
      onOperation: ({ extra }, id, _payload, { contextValue }) => {
        const { start } = contextValue as Context
        // What a reader resumes from when the socket breaks before the first event.
        if (start) extra.socket.send(JSON.stringify({ type: 'ping', payload: { id, cursor: start } }))
      },
      onNext: ({ extra }, id, _payload, _args, result) =>
        result instanceof Delivery ? (extra.socket as UnhurriedSocket).payload(id, result.json) : undefined,
      execute: (args) => (args as Enveloped).run.execute(args),
      subscribe: (args) => (args as Enveloped).run.subscribe(args),
    },
    sockets,
    HEARTBEAT_MS,
  )
  return { dispose: async () => served.dispose() }
}

type Pipeline = ReturnType<Yoga['getEnveloped']>

/** What graphql-ws is to run, with the pipeline that runs it. */
interface Enveloped extends ExecutionArgs {
  run: Pick<Pipeline, 'execute' | 'subscribe'>
}

interface Params {
  query: string
  operationName?: string | null
  variables?: Record<string, unknown> | null
}

async function prepare(
  yoga: Yoga,
  { extra }: Socket,
  { query, operationName, variables }: Params,
): Promise<Enveloped | readonly GraphQLError[]> {
  const params = { query, operationName: operationName ?? undefined, variables: variables ?? undefined }
  // A socket is no GET, over which Yoga refuses mutations.
  const request = new Request('http://localhost/graphql', { method: 'POST' })
  const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({
    request,
    params,
    viewer: extra.viewer,
    cutOff: () => extra.socket.terminate(),
  })
  try {
    const document = parse(query)
    const errors = validate(schema, document)
    if (errors.length > 0) return errors
    const contextValue = await contextFactory()
    return { schema, document, contextValue, operationName, variableValues: variables, run: { execute, subscribe } }
  } catch (error) {
    // Thrown, it would close the socket with 4500, and every other operation with it.
    if (error instanceof GraphQLError) return [error]
    throw error
  }
}

/** The `authorization` of a connection's parameters, in whichever case its name is written. */
function authorization(params: Record<string, unknown> | undefined): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
