import type { ExecutionResult } from 'graphql'
import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import { Delivery } from '../../subscriptions/delivery.ts'
import type { Socket } from './socket.ts'

/** Writes the one `next` frame of a long result, serialized in slices; to graphql-ws it is a stream without results. */
export class ResultFrame implements AsyncIterableIterator<never, undefined> {
  readonly #socket: Socket
  readonly #id: string
  readonly #result: ExecutionResult
  readonly #budget: OperationBudget | undefined
  #isWriting = false

  /** @param budget released once the frame is written. */
  constructor(socket: Socket, id: string, result: ExecutionResult, budget: OperationBudget | undefined) {
    this.#socket = socket
    this.#id = JSON.stringify(id)
    this.#result = result
    this.#budget = budget
  }

  async next(): Promise<IteratorResult<never, undefined>> {
    this.#isWriting = true
    const full = this.#socket.send(`{"id":${this.#id},"type":"next","payload":${jsonOf(this.#result)}}`)
    if (full) await full
    this.#budget?.release()
    return { done: true, value: undefined }
  }

  /** A frame that waits for the socket keeps the budget until it is written. */
  async return(): Promise<IteratorResult<never, undefined>> {
    if (!this.#isWriting) this.#budget?.release()
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
