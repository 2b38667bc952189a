import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { CodedError } from '../errors.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Limits } from '../lib/limits.ts'
import { type Outcome, outcomeOfError } from '../lib/outcome.ts'
import type { Fault } from '../lib/peer.ts'
import type { LoggedEvent } from '../log/event.ts'
import { tooSlow } from '../log/follow/followed-streams.ts'
import type { Follower } from '../log/follow/follower.ts'
import type { Context } from '../schema/context.ts'
import type { Cohort, Cohorts, LiveCounts } from './cohort.ts'
import type { ConnectionLimit } from './connection-limit.ts'
import type { Delivery } from './delivery.ts'
import { type SendLock, sendLockOf } from './send-lock.ts'
import { SubscriptionLimit } from './subscription-limit.ts'

/** Executes subscriptions once per event for all subscribers with the same result. */
export function useCohorts(cohorts: Cohorts, connectionLimit: ConnectionLimit, { socketsPerKey }: Limits): Plugin {
  const subscriptions = new SubscriptionLimit(socketsPerKey)
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => subscribe(cohorts, { connectionLimit, subscriptions }, args))
    },
  }
}

/** A socket is counted when it opens. */
function mayOpen({ caller, peer }: Context, connectionLimit: ConnectionLimit): boolean {
  return peer.transport === 'websocket' || connectionLimit.add(caller, peer)
}

const TOO_MANY = {
  errors: [
    new GraphQLError('This API key has too many open sockets, streams and subscriptions. Close one first.', {
      extensions: { code: 'RATE_LIMITED' },
    }),
  ],
}

async function subscribe(
  cohorts: Cohorts,
  limits: { connectionLimit: ConnectionLimit; subscriptions: SubscriptionLimit },
  args: ExecutionArgs,
): Promise<ExecutionResult | AsyncGenerator<Delivery>> {
  const source = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in source)) return source
  const follower = source as Follower
  const context = args.contextValue as Context
  const ended = limits.subscriptions.open(context.caller)
  if (!ended || !mayOpen(context, limits.connectionLimit)) {
    ended?.()
    await follower.return()
    return TOO_MANY
  }
  context.onStart?.(follower.cursor)
  const { cohort, leave } = cohorts.join(args)
  const deliveries = new Deliveries(follower, cohort, args, cohorts.counts)
  deliveries.onEnd(leave)
  deliveries.onEnd(ended)
  // If the client disconnects before the first read, nothing else ends the subscription.
  deliveries.onEnd(context.peer.onGone(() => void deliveries.return()))
  // The follower does not see what the connection has accepted and cannot write.
  deliveries.onEnd(context.peer.onFault((fault) => follower.fail(FAULTS[fault](follower.cursor))))
  deliveries.onEnd(context.keyWatch.watch(context.viewer, () => follower.fail(keyEnded(follower.cursor))))
  deliveries.onEnd(context.liveConnections.add(connectionOf(args, follower)))
  return deliveries
}

function connectionOf({ document, operationName, contextValue }: ExecutionArgs, follower: Follower) {
  const { viewer, peer } = contextValue as Context
  const name = getOperationAST(document, operationName)?.name?.value ?? null
  const end = () => follower.fail(endedByAdmin(follower.cursor))
  return { viewer, transport: peer.transport, operationName: name, source: follower, end }
}

const FAULTS: Record<Fault, (cursor: string) => CodedError> = {
  SLOW_CONSUMER: tooSlow,
  RATE_LIMITED: (cursor) => new CodedError('RATE_LIMITED', 'Too many requests wait on this connection.', { cursor }),
}

function endedByAdmin(cursor: string): CodedError {
  return new CodedError('FORBIDDEN', 'An administrator has ended this subscription.', { cursor })
}

function keyEnded(cursor: string): CodedError {
  return new CodedError('UNAUTHENTICATED', 'This API key has been revoked or has expired.', { cursor })
}

// Not an async generator: its `return` would wait for a pending `next`.
class Deliveries implements AsyncGenerator<Delivery, undefined> {
  readonly #source: Follower
  readonly #cohort: Cohort
  readonly #args: ExecutionArgs
  readonly #onEnd: (() => void)[] = []
  readonly #counts: LiveCounts
  readonly #budget: OperationBudget
  readonly #sendLock: SendLock
  #isSending = false
  #ended = false

  constructor(source: Follower, cohort: Cohort, args: ExecutionArgs, counts: LiveCounts) {
    this.#source = source
    this.#cohort = cohort
    this.#args = args
    this.#counts = counts
    const { budget, peer } = args.contextValue as Context
    this.#budget = budget.ofEvent()
    this.#sendLock = sendLockOf(peer)
  }

  onEnd(callback: () => void): void {
    if (this.#ended) callback()
    else this.#onEnd.push(callback)
  }

  /** A call for the next result means that the previous one was handed to the connection. */
  async next(): Promise<IteratorResult<Delivery, undefined>> {
    this.#handedOver()
    try {
      const { done, value } = await this.#source.next()
      const delivery = done ? undefined : await this.#deliver(value as LoggedEvent)
      if (delivery) return { done: false, value: delivery }
    } catch (error) {
      this.#end(outcomeOfError(error))
      throw error
    }
    this.#end()
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Delivery, undefined>> {
    const { failure } = this.#source
    // A client that is cut off, or has left, without reading the error that ended its subscription.
    this.#end(failure ? outcomeOfError(failure) : 'ok')
    return { done: true, value: undefined }
  }

  async throw(error: unknown): Promise<never> {
    this.#end()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.return().then(() => undefined)
  }

  // Charges the size to each reader, however many share the result.
  async #deliver(event: LoggedEvent): Promise<Delivery | undefined> {
    const waiting = this.#sendLock.acquire()
    if (waiting) await waiting
    this.#isSending = true
    if (!this.#ended) {
      const delivery = await this.#cohort.deliver(this.#args, event)
      if (!this.#ended) {
        this.#budget.reserve(delivery.bytes)
        this.#counts.delivered++
        return delivery
      }
    }
    this.#handedOver()
    return undefined
  }

  #handedOver(): void {
    if (!this.#isSending) return
    this.#isSending = false
    this.#budget.giveBackAll()
    this.#sendLock.release()
  }

  #end(outcome: Outcome = 'ok'): void {
    if (this.#ended) return
    this.#ended = true
    // However it ends, its follower does not stay behind.
    void this.#source.return()
    this.#handedOver()
    this.#counts.ended[outcome] = (this.#counts.ended[outcome] ?? 0) + 1
    for (const callback of this.#onEnd.splice(0)) callback()
  }
}
