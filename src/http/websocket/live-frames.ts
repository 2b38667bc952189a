import type { GraphQLError } from 'graphql'
import type { Deliveries } from '../../subscriptions/delivery.ts'
import type { Outlet } from '../../subscriptions/outlet.ts'
import type { Subscription } from '../../subscriptions/subscription.ts'
import { errorPayload } from './error-payload.ts'
import { preparedFrames } from './prepared-frames.ts'
import type { Message, Socket } from './socket.ts'

/** What graphql-ws has under way on a socket, by the ids of the operations. */
type Operations = Record<string, unknown>

/**
 * Writes the frames of a subscription itself. For graphql-ws it is a stream that ends at once, without `complete`: for
 * one that waits, it would keep a dozen objects and the message of the client. Then it is put back in its place, so
 * that graphql-ws ends it when the client completes it or has left, and rejects another one with its id.
 */
export class LiveFrames implements AsyncIterableIterator<never, undefined>, Outlet {
  readonly #socket: Socket
  readonly #id: string
  readonly #operations: Operations
  readonly #subscription: Subscription
  #message: Message | undefined
  #drained: (() => void) | undefined
  #isOver = false

  /** @param message that graphql-ws handles until it has asked for the results. */
  constructor(socket: Socket, id: string, operations: Operations, message: Message, subscription: Subscription) {
    this.#socket = socket
    this.#id = id
    this.#operations = operations
    this.#message = message
    this.#subscription = subscription
  }

  get isFull(): boolean {
    return this.#socket.isFull
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#socket.onDrain(resolve)
    })
  }

  write(deliveries: Deliveries): void {
    this.#socket.write(preparedFrames(deliveries, this.#id))
  }

  report(cursor: string): void {
    void this.#socket.send(positionPing(this.#id, cursor))
  }

  end(error?: GraphQLError): void {
    this.#drained?.()
    if (this.#isOver) return
    this.#leave()
    const id = JSON.stringify(this.#id)
    const payload = error && JSON.stringify([errorPayload(error)])
    const message = payload ? `{"id":${id},"type":"error","payload":${payload}}` : `{"id":${id},"type":"complete"}`
    void this.#socket.send(message)
  }

  /** Called once. All until the message is handled happens before another message can arrive. */
  next(): Promise<IteratorResult<never, undefined>> {
    delete this.#operations[this.#id]
    if (this.#message)
      this.#message.onHandled = () => {
        if (!this.#isOver) this.#operations[this.#id] = this
      }
    this.#message = undefined
    this.#subscription.start(this)
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The client has completed it, or has left. */
  async return(): Promise<IteratorResult<never, undefined>> {
    this.#leave()
    this.#subscription.return()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #leave(): void {
    this.#isOver = true
    // By now it may be that of another subscription.
    if (this.#operations[this.#id] === this) delete this.#operations[this.#id]
  }
}

/** Where the client can resume an operation, before its first event or past those that it does not want. */
export function positionPing(id: string, cursor: string): string {
  return `{"type":"ping","payload":{"id":${JSON.stringify(id)},"cursor":"${cursor}"}}`
}
