import type { GraphQLError } from 'graphql'
import type { Deliveries } from '../../subscriptions/delivery.ts'
import type { Outlet } from '../../subscriptions/outlet.ts'
import type { Subscription } from '../../subscriptions/subscription.ts'
import { preparedFrames } from './prepared-frames.ts'
import type { Socket } from './socket.ts'

/** Writes the `next` frames itself. To graphql-ws it is a stream without results, after which it sends `complete`. */
export class LiveFrames implements AsyncIterableIterator<never, undefined>, Outlet {
  readonly #socket: Socket
  readonly #id: string
  readonly #subscription: Subscription
  #settle: { end: () => void; fail: (error: GraphQLError) => void } | undefined
  #drained: (() => void) | undefined

  constructor(socket: Socket, id: string, subscription: Subscription) {
    this.#socket = socket
    this.#id = JSON.stringify(id)
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
    if (error) this.#settle?.fail(error)
    else this.#settle?.end()
  }

  /** Called once: there is no result to come back for. */
  next(): Promise<IteratorResult<never, undefined>> {
    return new Promise((resolve, reject) => {
      this.#settle = { end: () => resolve({ done: true, value: undefined }), fail: reject }
      this.#subscription.start(this)
    })
  }

  async return(): Promise<IteratorResult<never, undefined>> {
    this.#subscription.return()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Where the client can resume an operation, before its first event or past those that it does not want. */
export function positionPing(id: string, cursor: string): string {
  return `{"type":"ping","payload":{"id":${id},"cursor":"${cursor}"}}`
}
