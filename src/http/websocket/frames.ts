import type { ExecutionResult } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import { Delivery } from '../../subscriptions/delivery.ts'
import type { Socket } from './socket.ts'

/**
 * Writes the `next` frames of an operation itself, so that a result which many subscribers share is serialized once.
 * graphql-ws reads it as a stream without results: it sends `complete` at its end, and `error` for what it throws.
 */
export class Frames implements AsyncIterableIterator<never, undefined> {
  readonly #socket: Socket
  readonly #id: string
  readonly #results: AsyncIterator<ExecutionResult>
  readonly #budget: OperationBudget | undefined
  #writing = false

  /** @param budget released once the frames are written. */
  constructor(
    socket: Socket,
    id: string,
    result: ExecutionResult | AsyncIterable<ExecutionResult>,
    budget: OperationBudget | undefined,
  ) {
    this.#socket = socket
    this.#id = JSON.stringify(id)
    this.#results = isAsyncIterable(result) ? result[Symbol.asyncIterator]() : only(result)
    this.#budget = budget
  }

  async next(): Promise<IteratorResult<never, undefined>> {
    this.#writing = true
    try {
      for (;;) {
        const { done, value } = await this.#results.next()
        if (done) return { done: true, value: undefined }
        // The pipeline yields the error that ends a subscription as its last result.
        const [error] = 'data' in value ? [] : (value.errors ?? [])
        if (error) throw error
        const full = this.#socket.send(`{"id":${this.#id},"type":"next","payload":${jsonOf(value)}}`)
        if (full) await full
      }
    } catch (error) {
      await this.#results.return?.()
      throw error
    } finally {
      this.#writing = false
      this.#budget?.release()
    }
  }

  /** Ends the results; a frame that waits for the socket keeps the budget until it is written. */
  async return(): Promise<IteratorResult<never, undefined>> {
    if (!this.#writing) this.#budget?.release()
    await this.#results.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

function jsonOf(result: ExecutionResult): string {
  if (result instanceof Delivery) return result.json
  const { data, errors } = result
  return JSON.stringify({ data, errors })
}

async function* only(result: ExecutionResult): AsyncGenerator<ExecutionResult, undefined> {
  yield result
}
