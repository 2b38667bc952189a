import type { ServerResponse } from 'node:http'
import { HEARTBEAT_MS } from '../lib/heartbeat.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { EventStream } from './event-stream.ts'
import type { Subscription } from './subscription.ts'

/** The open streams of server-sent events, with one heartbeat for all of them. */
export class EventStreams {
  readonly #lifecycle: Lifecycle
  readonly #open = new Set<EventStream>()
  #heartbeat: NodeJS.Timeout | undefined

  constructor(lifecycle: Lifecycle) {
    this.#lifecycle = lifecycle
  }

  /** Writes a subscription to a response whose head is written. @param cursor where it begins, unless it is known. */
  open(response: ServerResponse, subscription: Subscription, cursor: string | undefined): void {
    const stream = new EventStream(response, this.#canComplete, this.#close)
    this.#open.add(stream)
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#open) each.beat()
    }, HEARTBEAT_MS)
    stream.start(subscription, cursor)
  }

  readonly #canComplete = () => !this.#lifecycle.draining

  readonly #close = (stream: EventStream) => {
    this.#open.delete(stream)
    if (this.#open.size > 0) return
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}
