import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { type Outcome, outcomeOf, outcomeOfStatus } from './outcome.ts'
import { isId, REQUEST_ID, requestIdOf } from './request-id.ts'
import type { Span, Tracing } from './span.ts'

/** The entry point of a call; `other` covers health, metrics, pages and unknown paths. */
export type Door = 'graphql' | 'sse' | 'websocket' | 'trieve' | 'llamacloud' | 'other'

export type Observe = (door: Door, outcome: Outcome, seconds: number) => void

/** Ids in the log; `socketId` is the id of the request that opened the socket. */
type Ids = ({ requestId: string } | { socketId: string; operationId?: string }) & { traceId?: string }

interface Watchers {
  observe: Observe
  logger: Logger
  tracing?: Tracing
}

const ROUTES: Partial<Record<Door, string>> = {
  graphql: '/graphql',
  trieve: '/api/dataset/events',
  llamacloud: '/api/v1/reports/{report_id}/events',
}

/** One HTTP request or WebSocket operation, as metrics, logs and traces see it. */
export class Call {
  readonly #watchers: Watchers
  readonly #begun = performance.now()
  #over = false
  readonly #request: IncomingMessage | undefined
  ids: Ids
  door: Door
  span: Span | undefined
  operation: string | undefined
  outcome: Outcome | undefined
  errorId: unknown
  /** Whether the failure is already logged under these ids. */
  told = false

  constructor(door: Door, ids: Ids, watchers: Watchers, request?: IncomingMessage) {
    this.door = door
    this.ids = ids
    this.#watchers = watchers
    this.#request = request
  }

  enter(door: Door): void {
    this.door = door
    const { method, headers = {} } = this.#request ?? {}
    const route = ROUTES[door]
    const http = { 'http.request.method': method, 'http.route': route }
    const name = route ? `${method} ${route}` : `${door} operation`
    this.span = this.#watchers.tracing?.begin(name, headers, this.#begun, {
      ...http,
      'tidemark.request_id': 'requestId' in this.ids ? this.ids.requestId : this.ids.socketId,
    })
    if (this.span) this.ids = { ...this.ids, traceId: this.span.traceId }
  }

  note(errors: readonly GraphQLError[] | undefined): void {
    this.outcome = outcomeOf(errors)
    this.errorId = errors?.[0]?.extensions.errorId
  }

  /** Ends the call once it is answered or its stream begins; later calls are ignored. */
  end(outcome: Outcome = this.outcome ?? 'ok'): void {
    if (this.#over) return
    this.#over = true
    const { observe, logger } = this.#watchers
    const ms = performance.now() - this.#begun
    observe(this.door, outcome, ms / 1_000)
    const [type, name] = this.operation?.split(' ') ?? []
    this.span?.end(outcome, {
      'tidemark.door': this.door,
      'graphql.operation.type': type,
      'graphql.operation.name': name,
    })
    const level = outcome === 'INTERNAL_SERVER_ERROR' && !this.told ? 'error' : 'debug'
    if (!logger.isLevelEnabled(level)) return
    const { ids, door, operation, errorId } = this
    logger[level]({ ...ids, door, operation, outcome, errorId, ms: Math.round(ms * 10) / 10 }, 'answered')
  }
}

/** All calls of one server. */
export class Calls {
  readonly #watchers: Watchers
  readonly #byRequest = new WeakMap<IncomingMessage, Call>()

  constructor(watchers: Watchers) {
    this.#watchers = watchers
  }

  overHttp(request: IncomingMessage, response: ServerResponse): Call {
    const requestId = requestIdOf(request)
    response.setHeader(REQUEST_ID, requestId)
    const call = new Call('other', { requestId }, this.#watchers, request)
    this.#byRequest.set(request, call)
    response.once('close', () => {
      if (call.door === 'graphql' && isEventStream(response)) call.door = 'sse'
      call.end(response.writableFinished ? (call.outcome ?? outcomeOfStatus(response.statusCode)) : 'gone')
    })
    return call
  }

  of(request: IncomingMessage): Call | undefined {
    return this.#byRequest.get(request)
  }

  /** @param operationId from the client, so any string. */
  overSocket(socketId: string, operationId: string): Call {
    const ids = { socketId, operationId: isId(operationId) ? operationId : undefined }
    const call = new Call('websocket', ids, this.#watchers)
    call.enter('websocket')
    return call
  }
}

function isEventStream(response: ServerResponse): boolean {
  return String(response.getHeader('content-type')).startsWith('text/event-stream')
}
