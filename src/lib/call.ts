import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { type Outcome, outcomeOf, outcomeOfStatus } from './outcome.ts'
import { isId, REQUEST_ID, requestIdOf } from './request-id.ts'
import type { Span, Tracing } from './span.ts'

/** What a call comes in by; `other` is health, metrics, pages and unknown paths. */
export type Door = 'graphql' | 'sse' | 'websocket' | 'trieve' | 'llamacloud' | 'other'

/** Told of each call that is over, with how long it took in seconds. */
export type Observe = (door: Door, outcome: Outcome, seconds: number) => void

/** By what the lines of the log about a call are found. A socket has the id of the request that opened it. */
type Ids = ({ requestId: string } | { socketId: string; operationId?: string }) & { traceId?: string }

/** Where a call is told of. */
interface Watchers {
  observe: Observe
  logger: Logger
  tracing?: Tracing
}

/** What the doors are called in traces. */
const ROUTES: Partial<Record<Door, string>> = {
  graphql: '/graphql',
  trieve: '/api/dataset/events',
  llamacloud: '/api/v1/reports/{report_id}/events',
}

/** One request over HTTP, or one operation over a WebSocket, as those see it who watch the server. */
export class Call {
  readonly #watchers: Watchers
  readonly #begun = performance.now()
  #over = false
  readonly #request: IncomingMessage | undefined
  ids: Ids
  door: Door
  /** Where it is traced. */
  span: Span | undefined
  /** The kind and the name of the operation it runs. */
  operation: string | undefined
  /** What came of it, as soon as that is known. */
  outcome: Outcome | undefined
  /** The id of what was masked. */
  errorId: unknown
  /** Whether the log says already, under its ids, what went wrong. */
  told = false

  /** @param request absent for an operation over a WebSocket. */
  constructor(door: Door, ids: Ids, watchers: Watchers, request?: IncomingMessage) {
    this.door = door
    this.ids = ids
    this.#watchers = watchers
    this.#request = request
  }

  /** It has come through this door. */
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

  /** Notes what its operation has come to. */
  note(errors: readonly GraphQLError[] | undefined): void {
    this.outcome = outcomeOf(errors)
    this.errorId = errors?.[0]?.extensions.errorId
  }

  /** It has been answered, or its stream has begun. Whatever is said later does not count. */
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

  /** Begins a call over HTTP, which ends with its response. */
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

  /** The call that a request of Node's is. */
  of(request: IncomingMessage): Call | undefined {
    return this.#byRequest.get(request)
  }

  /** Begins the call that an operation over a WebSocket is. @param operationId as the client has it, which may be anything. */
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
