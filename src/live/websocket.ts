import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { handleProtocols, makeServer } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import { allows, isOwnOrigin, type Origins } from '../origins.ts'
import { callerOf } from '../rate/caller.ts'
import { REQUEST_ID, requestIdOf } from '../request-id.ts'
import type { Yoga } from '../yoga.ts'
import { ignoreUpgrade } from './ignore-upgrade.ts'
import { type Gate, operationsOver } from './operations.ts'
import { Socket } from './socket.ts'
import { Sockets } from './sockets.ts'

/** How often a socket must answer that it lives, in milliseconds. */
const HEARTBEAT_MS = 12_000

/** How long a stop waits, in milliseconds: for operations under way, and for clients to say goodbye. */
const PATIENCE = { operations: 2_000, goodbye: 1_000 } as const

/** What serves WebSockets. */
export interface WebSocketDoor {
  readonly sockets: Sockets
  /**
   * Answers what is under way, then closes every socket with 1001, which clients take for a pause.
   * @returns a promise of the moment when they are gone, within that one.
   */
  drain: () => Promise<{ gone: Promise<void> }>
}

/** Serves `graphql-transport-ws` on `/graphql`. */
export function serveWebSocket(
  http: Server,
  yoga: Yoga,
  gate: Gate & { corsOrigins: Origins },
  logger: Logger,
): WebSocketDoor {
  const { corsOrigins, counts, addressOf } = gate
  const server = new WebSocketServer({ noServer: true, maxPayload: gate.limits.bodyBytes, handleProtocols })
  const graphql = makeServer(operationsOver(yoga, gate))
  const sockets = new Sockets()
  const heartbeat = setInterval(() => {
    for (const socket of sockets.open) socket.probe()
  }, HEARTBEAT_MS)

  server.on('headers', (headers, request) => headers.push(`${REQUEST_ID}: ${requestIdOf(request)}`))
  http.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    // Nobody else listens to it any more, and an error that nobody listens to ends the process.
    connection.on('error', () => connection.destroy())
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return ignoreUpgrade(http, request, connection, head)
    const id = requestIdOf(request)
    if (request.url?.split('?', 1)[0] !== '/graphql') return refuse(connection, 404, id)
    // CORS does not hold for WebSockets: a browser opens them for any page, and only says whose it is. Others say nothing.
    const { origin, host } = request.headers
    if (origin !== undefined && !isOwnOrigin(origin, host) && !allows(corsOrigins, origin))
      return refuse(connection, 403, id)
    const address = addressOf(request)
    const stranger = callerOf({ type: 'anonymous' }, address)
    if (counts.isFull(stranger)) return refuse(connection, 429, id)
    server.handleUpgrade(request, connection, head, (webSocket) => {
      const socket = new Socket(webSocket, connection, id, logger)
      counts.add(stranger, socket)
      sockets.open.add(socket)
      const closed = graphql.opened(socket, { socket, address, refusals: 0 })
      webSocket.once('close', (code, reason) => {
        sockets.close(socket, code)
        logger.debug({ socketId: id, code }, 'a WebSocket was closed')
        closed(code, String(reason)).catch((err) =>
          logger.error({ err, socketId: id }, 'a WebSocket was not closed well'),
        )
      })
    })
  })

  return {
    sockets,
    async drain() {
      const settled = Promise.all([...sockets.open].map((socket) => socket.settled()))
      await Promise.race([settled, setTimeout(PATIENCE.operations, undefined, { ref: false })])
      clearInterval(heartbeat)
      const gone = Promise.all(
        [...sockets.open].map((socket) => new Promise<void>((resolve) => socket.onGone(resolve))),
      )
      for (const socket of sockets.open) socket.close(1001, 'Going away')
      const goodbye = setTimeout(PATIENCE.goodbye, undefined, { ref: false }).then(() => {
        for (const socket of sockets.open) socket.disconnect()
      })
      return { gone: Promise.race([gone, goodbye]).then(() => undefined) }
    },
  }
}

function refuse(connection: Duplex, status: number, id: string): void {
  const headers = ['connection: close', 'content-length: 0', `${REQUEST_ID}: ${id}`]
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('\r\n')}\r\n\r\n`)
}
