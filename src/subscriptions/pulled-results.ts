import type { ExecutionResult, GraphQLError } from 'graphql'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Deliveries, Delivery } from './delivery.ts'
import type { Outlet } from './outlet.ts'
import type { Subscription } from './subscription.ts'

/** Among results: the client has all that is for it up to this cursor. */
export class PositionResult implements ExecutionResult {
  declare readonly data?: undefined
  readonly cursor: string

  constructor(cursor: string) {
    this.cursor = cursor
  }
}

/** Results for a transport that requests each of them; the last may be the error that ended the subscription. */
export class PulledResults implements AsyncIterableIterator<ExecutionResult, undefined>, Outlet {
  readonly #subscription: Subscription
  readonly #budget: OperationBudget
  #results: Delivery[] = []
  #position: PositionResult | undefined
  #last: { error?: GraphQLError } | undefined
  #arrived: (() => void) | undefined
  #drained: (() => void) | undefined

  /** @param budget charged for results until they are requested. */
  constructor(subscription: Subscription, budget: OperationBudget) {
    this.#subscription = subscription
    this.#budget = budget.ofEvent()
    subscription.start(this)
  }

  get isFull(): boolean {
    return this.#results.length > 0
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  write({ all }: Deliveries): void {
    // It is before them.
    this.#position = undefined
    this.#results.push(...all)
    for (const { bytes } of all) this.#budget.reserve(bytes)
    this.#arrived?.()
  }

  report(cursor: string): void {
    this.#position = new PositionResult(cursor)
    this.#arrived?.()
  }

  end(error?: GraphQLError): void {
    this.#last = { error }
    this.#arrived?.()
    this.#drained?.()
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    if (this.#results.length === 0) this.#budget.giveBackAll()
    if (this.#results.length === 0 && !this.#position && !this.#last)
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    const value = this.#results.shift() ?? this.#position
    if (value instanceof PositionResult) this.#position = undefined
    if (this.#results.length === 0) this.#drained?.()
    if (value) return { done: false, value }
    const { error } = this.#last ?? {}
    this.#last = {}
    return error ? { done: false, value: { errors: [error] } } : { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#results = []
    this.#budget.giveBackAll()
    this.#subscription.return()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
