import type { ServerResponse } from 'node:http'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { isTemporary } from '../errors.ts'
import type { Deliveries } from './delivery.ts'
import type { Outlet } from './outlet.ts'
import type { Subscription } from './subscription.ts'

/** Unsent bytes above which the next results wait. */
const MAX_BUFFERED_BYTES = 65_536

const COMPLETE = 'event: complete\ndata:\n\n'

/** Parsers drop it; for graphql-sse a block with neither event nor data is a ping. */
const PING = ':\n\n'

/** Writes the results of a subscription to its response as server-sent events, each with its cursor as `id:`. */
export class EventStream implements Outlet {
  readonly #response: ServerResponse
  readonly #canComplete: () => boolean
  readonly #onEnd: (stream: EventStream) => void
  #drained: (() => void) | undefined
  #isOver = false

  /**
   * @param canComplete whether an end is sent to the client; without it, the client takes the stream for broken, and
   * resumes elsewhere. @param onEnd called once.
   */
  constructor(response: ServerResponse, canComplete: () => boolean, onEnd: (stream: EventStream) => void) {
    this.#response = response
    this.#canComplete = canComplete
    this.#onEnd = onEnd
  }

  /** @param cursor to resume from if the stream breaks before its first event. */
  start(subscription: Subscription, cursor: string | undefined): void {
    this.#send(cursor ? position(cursor) : PING)
    subscription.start(this)
  }

  get isFull(): boolean {
    return this.#response.writableLength > MAX_BUFFERED_BYTES
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#response.once('drain', resolve)
    })
  }

  write(deliveries: Deliveries): void {
    this.#send(deliveries.asEvents(() => Buffer.from(deliveries.all.map(next).join(''))))
  }

  report(cursor: string): void {
    this.#send(position(cursor))
  }

  /** Keeps proxies from closing a stream without events. What waits to be sent does as well. */
  beat(): void {
    if (this.#response.writableLength === 0) this.#send(PING)
  }

  end(error?: GraphQLError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#drained?.()
    this.#onEnd(this)
    const result = error && { errors: [error] }
    const hasBroken = result !== undefined && isTemporary(error?.extensions.code)
    if (result && (!hasBroken || this.#canComplete())) this.#send(next(result))
    // Without `complete`, as the subscription has not ended for good.
    if (!hasBroken && this.#canComplete()) this.#send(COMPLETE)
    this.#response.end()
  }

  #send(text: string | Buffer): void {
    if (!this.#response.destroyed) this.#response.write(text)
  }
}

function position(cursor: string): string {
  return `id: ${cursor}\ndata:\n\n`
}

function next(result: ExecutionResult & { readonly cursor?: string; readonly json?: string }): string {
  const { cursor, json = JSON.stringify(result) } = result
  return `event: next\n${cursor ? `id: ${cursor}\n` : ''}data: ${json.replaceAll(LINE_BREAKS, ' ')}\n\n`
}

// Between the tokens of a payload, which is sent as it was recorded.
const LINE_BREAKS = /[\r\n]/g
