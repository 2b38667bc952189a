import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Outcome, outcomeOfStatus } from './outcome.ts'

/** What a call comes in by; `other` is health, metrics, pages and unknown paths. */
export type Door = 'graphql' | 'sse' | 'websocket' | 'trieve' | 'llamacloud' | 'other'

/** Told of each call that is over, with how long it took in seconds. */
export type Observe = (door: Door, outcome: Outcome, seconds: number) => void

/** One request over HTTP, or one operation over a WebSocket, as those see it who watch the server. */
export class Call {
  readonly #observe: Observe
  readonly #begun = performance.now()
  #over = false
  door: Door
  /** What came of it, as soon as that is known. */
  outcome: Outcome | undefined

  constructor(door: Door, observe: Observe) {
    this.door = door
    this.#observe = observe
  }

  /** It has been answered, or its stream has begun. Whatever is said later does not count. */
  end(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    this.outcome = outcome
    this.#observe(this.door, outcome, (performance.now() - this.#begun) / 1_000)
  }
}

/** All calls of one server. */
export class Calls {
  readonly #observe: Observe
  readonly #byRequest = new WeakMap<IncomingMessage, Call>()

  constructor(observe: Observe) {
    this.#observe = observe
  }

  /** Begins a call over HTTP, which ends with its response. */
  overHttp(request: IncomingMessage, response: ServerResponse): Call {
    const call = new Call('other', this.#observe)
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

  /** Begins the call that an operation over a WebSocket is. */
  overSocket(): Call {
    return new Call('websocket', this.#observe)
  }
}

function isEventStream(response: ServerResponse): boolean {
  return String(response.getHeader('content-type')).startsWith('text/event-stream')
}
