import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { handleProtocols, makeServer } from 'graphql-ws'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import { callerOf } from '../../accounts/caller-of.ts'
import { ANONYMOUS } from '../../accounts/viewer.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import type { Caller } from '../../lib/caller.ts'
import { HEARTBEAT_MS } from '../../lib/heartbeat.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import type { OriginPolicy } from '../../lib/origin-policy.ts'
import { isOwnOrigin } from '../../lib/origins.ts'
import { REQUEST_ID, requestIdOf } from '../../lib/request-id.ts'
import { normalizeRequest } from '../normalize-request.ts'
import type { RequestQueue } from '../request-queue.ts'
import type { TcpConnections } from '../tcp-connections.ts'
import { ignoreUpgrade } from './ignore-upgrade.ts'
import { OpenSockets } from './open-sockets.ts'
import { operationsOver, type WebSocketServices } from './operations.ts'
import { Socket } from './socket.ts'

/** Minimum average frame size of a message of the largest size, in bytes: each frame costs memory. */
const FRAME_BYTES = 16_384

const FRAMES = 16

/** Milliseconds for a client to send `connection_init`. */
const INIT_MS = 3_000

/** Timeouts of a stop in milliseconds: for operations in progress, and for close handshakes. */
const TIMEOUTS = { operations: 2_000, goodbye: 1_000 } as const

interface Surroundings {
  lifecycle: Lifecycle
  origins: OriginPolicy
  tcpConnections: TcpConnections
  queue: RequestQueue
}

export interface WebSocketEndpoint {
  readonly sockets: OpenSockets
  /** Finishes operations, then closes sockets with 1001, so clients reconnect. @returns a nested promise of the end. */
  drain: () => Promise<{ gone: Promise<void> }>
}

export function serveWebSocket(
  http: Server,
  yoga: Yoga,
  services: WebSocketServices & Surroundings,
  logger: Logger,
): WebSocketEndpoint {
  const { lifecycle, connectionLimit, addressOf, tcpConnections, queue } = services
  const { bodyBytes } = services.limits
  const limits = { maxPayload: bodyBytes, maxFragments: FRAMES + Math.ceil(bodyBytes / FRAME_BYTES) }
  const server = new WebSocketServer({ noServer: true, handleProtocols, ...limits })
  const graphql = makeServer(operationsOver(yoga, services))
  const sockets = new OpenSockets()
  const heartbeat = setInterval(() => {
    for (const socket of sockets.open) socket.probe()
  }, HEARTBEAT_MS)

  server.on('headers', (headers, request) => headers.push(`${REQUEST_ID}: ${requestIdOf(request)}`))
  http.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    normalizeRequest(request)
    queue.takeOver(connection, () => {
      const address = addressOf(request)
      const anonymous = callerOf(ANONYMOUS, address)
      const status = errorStatusOf(request, anonymous)
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') ignoreUpgrade(http, request, connection, head)
      else if (status !== undefined) tcpConnections.of(connection).end(responseOf(status, requestIdOf(request)))
      else
        server.handleUpgrade(request, connection, head, (webSocket) => welcome(webSocket, request, anonymous, address))
    })
  })

  function errorStatusOf({ url, headers: { origin, host } }: IncomingMessage, anonymous: Caller): Status | undefined {
    if (url?.split('?', 1)[0] !== '/graphql') return 404
    if (!mayConnect(origin, host, services.origins)) return 403
    // `drain` closes the sockets that are open at its time: nothing would close a later one.
    if (lifecycle.draining) return 503
    return connectionLimit.isFull(anonymous) ? 429 : undefined
  }

  function welcome(
    webSocket: WebSocket,
    request: IncomingMessage,
    anonymous: Caller,
    address: string | undefined,
  ): void {
    const id = requestIdOf(request)
    const socket = new Socket(webSocket, tcpConnections.of(request.socket), id, logger)
    socket.mustBeginWithin(INIT_MS)
    connectionLimit.add(anonymous, socket)
    sockets.open.add(socket)
    const closed = graphql.opened(socket, {
      socket,
      address,
      failures: 0,
    })
    webSocket.on('close', (code, reason) => {
      socket.begin()
      sockets.close(socket, socket.closedWith ?? code)
      logger.debug({ socketId: id, code }, 'WebSocket closed')
      closed(code, String(reason)).catch((err) => logger.error({ err, socketId: id }, 'closing a WebSocket failed'))
    })
  }

  return {
    sockets,
    async drain() {
      const settled = Promise.all([...sockets.open].map((socket) => socket.settled()))
      await Promise.race([settled, setTimeout(TIMEOUTS.operations, undefined, { ref: false })])
      clearInterval(heartbeat)
      const gone = Promise.all(
        [...sockets.open].map((socket) => new Promise<void>((resolve) => socket.onGone(resolve))),
      )
      for (const socket of sockets.open) socket.close(1001, 'Going away')
      const goodbye = setTimeout(TIMEOUTS.goodbye, undefined, { ref: false }).then(() => {
        for (const socket of sockets.open) socket.disconnect()
      })
      return { gone: Promise.race([gone, goodbye]).then(() => undefined) }
    },
  }
}

// CORS does not cover WebSockets: browsers open them for any page and send its origin; other clients send none.
function mayConnect(origin: string | undefined, host: string | undefined, origins: OriginPolicy): boolean {
  return origin === undefined || isOwnOrigin(origin, host) || origins.lists(origin, host)
}

const REJECTIONS = {
  403: 'Web pages of this origin cannot open a WebSocket. To allow them, add the origin to CORS_ORIGINS of the server.',
  404: 'WebSockets are served at /graphql.',
  429: 'This address has too many sockets that have not sent an API key. Close one first.',
  503: 'This server is stopping. Retry after 1 s.',
} as const

type Status = keyof typeof REJECTIONS

function responseOf(status: Status, id: string): string {
  const body = JSON.stringify({ message: REJECTIONS[status] })
  const headers = [
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID}: ${id}`,
    ...(status === 503 ? ['retry-after: 1'] : []),
  ]
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}
