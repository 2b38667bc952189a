import type { IncomingMessage, ServerResponse } from 'node:http'
import { type DocumentNode, type GraphQLError, getOperationAST } from 'graphql'
import type { Logger } from 'pino'
import { Attached } from './attached.ts'
import { type Outcome, outcomeOf, outcomeOfStatus } from './outcome.ts'
import { isId, REQUEST_ID, requestIdOf } from './request-id.ts'
import type { Span, Tracing } from './span.ts'

/** How a call came in; `other` covers health, metrics, pages and unknown paths. */
export type Transport = 'graphql' | 'sse' | 'websocket' | 'trieve' | 'llamacloud' | 'other'

export type Observe = (transport: Transport, outcome: Outcome, seconds: number) => void

/** Ids in the log; `socketId` is the id of the request that opened the socket. */
type Ids = ({ requestId: string } | { socketId: string; operationId?: string }) & { traceId?: string }

interface Watchers {
  observe: Observe
  logger: Logger
  tracing?: Tracing
}

/** Longest operation in the log, in characters. */
const NAME_LENGTH = 100

const ROUTES: Partial<Record<Transport, string>> = {
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
  transport: Transport
  span: Span | undefined
  /** Type and name, such as `query Events`. */
  operation: string | undefined
  document: DocumentNode | undefined
  outcome: Outcome | undefined
  errorId: unknown
  #cutOff: Outcome | undefined
  logged = false

  constructor(transport: Transport, ids: Ids, watchers: Watchers, request?: IncomingMessage) {
    this.transport = transport
    this.ids = ids
    this.#watchers = watchers
    this.#request = request
  }

  enter(transport: Transport): void {
    this.transport = transport
    const { method, headers = {} } = this.#request ?? {}
    const route = ROUTES[transport]
    const http = { 'http.request.method': method, 'http.route': route }
    const name = route ? `${method} ${route}` : `${transport} operation`
    this.span = this.#watchers.tracing?.begin(name, headers, this.#begun, {
      ...http,
      'tidemark.request_id': 'requestId' in this.ids ? this.ids.requestId : this.ids.socketId,
    })
    if (this.span) this.ids = { ...this.ids, traceId: this.span.traceId }
  }

  began(document: DocumentNode, operationName: string | null | undefined): void {
    this.document = document
    const { operation, name } = getOperationAST(document, operationName) ?? {}
    this.operation = [operation, name?.value].filter(Boolean).join(' ').slice(0, NAME_LENGTH) || undefined
  }

  get isQuery(): boolean {
    return this.operation?.split(' ')[0] === 'query'
  }

  note(errors: readonly GraphQLError[] | undefined): void {
    this.outcome = outcomeOf(errors)
    this.errorId = errors?.[0]?.extensions.errorId
  }

  /** The server breaks the connection, for this reason: the outcome of the response. @param error to be logged. */
  cutOff(outcome: Outcome, error?: unknown): void {
    this.#cutOff ??= outcome
    if (error === undefined || this.logged) return
    this.#watchers.logger.error({ err: error, ...this.ids }, 'response cut off')
    this.logged = true
  }

  /** Node reports a response that was broken after its last write as finished, so a cut-off counts first. */
  outcomeOf(response: ServerResponse): Outcome {
    if (this.#cutOff) return this.#cutOff
    return response.writableFinished ? (this.outcome ?? outcomeOfStatus(response.statusCode)) : 'gone'
  }

  /** Ends the call once it is answered or its stream begins; later calls are ignored. */
  end(outcome: Outcome = this.outcome ?? 'ok'): void {
    if (this.#over) return
    this.#over = true
    const { observe, logger } = this.#watchers
    const ms = performance.now() - this.#begun
    observe(this.transport, outcome, ms / 1_000)
    const [type, name] = this.operation?.split(' ') ?? []
    this.span?.end(outcome, {
      'tidemark.transport': this.transport,
      'graphql.operation.type': type,
      'graphql.operation.name': name,
    })
    const level = outcome === 'INTERNAL_SERVER_ERROR' && !this.logged ? 'error' : 'debug'
    if (!logger.isLevelEnabled(level)) return
    const { ids, transport, operation, errorId } = this
    logger[level]({ ...ids, transport, operation, outcome, errorId, ms: Math.round(ms * 10) / 10 }, 'answered')
  }
}

export class Calls {
  readonly #watchers: Watchers
  readonly #ofRequest = new Attached<IncomingMessage, Call>()

  constructor(watchers: Watchers) {
    this.#watchers = watchers
  }

  overHttp(request: IncomingMessage, response: ServerResponse): Call {
    const requestId = requestIdOf(request)
    response.setHeader(REQUEST_ID, requestId)
    const call = new Call('other', { requestId }, this.#watchers, request)
    this.#ofRequest.attach(request, call)
    response.once('close', () => {
      if (call.transport === 'graphql' && isEventStream(response)) call.transport = 'sse'
      call.end(call.outcomeOf(response))
    })
    return call
  }

  of(request: IncomingMessage): Call | undefined {
    return this.#ofRequest.of(request)
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
