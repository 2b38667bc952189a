import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import { CodedError } from '../errors.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Follower } from '../log/follower.ts'
import { type Outcome, outcomeOfError } from '../outcome.ts'
import type { Cohort, Cohorts, LiveCounts } from './cohort.ts'
import type { ConnectionCounts } from './connection-counts.ts'
import type { Delivery } from './delivery.ts'

/** Makes subscriptions execute once per event for everybody who gets the same result. */
export function useCohorts(cohorts: Cohorts, counts: ConnectionCounts): Plugin {
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => subscribe(cohorts, counts, args))
    },
  }
}

/** Whether its key may have one more connection open. A socket was counted when it was opened. */
function mayOpen({ caller, peer }: Context, counts: ConnectionCounts): boolean {
  return peer.transport === 'WEBSOCKET' || counts.add(caller, peer)
}

const TOO_MANY = {
  errors: [
    new GraphQLError('This API key has too many sockets and streams open.', { extensions: { code: 'RATE_LIMITED' } }),
  ],
}

async function subscribe(
  cohorts: Cohorts,
  counts: ConnectionCounts,
  args: ExecutionArgs,
): Promise<ExecutionResult | AsyncGenerator<Delivery>> {
  const source = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in source)) return source
  const follower = source as Follower
  const context = args.contextValue as Context
  if (!mayOpen(context, counts)) {
    await follower.return()
    return TOO_MANY
  }
  context.start = follower.cursor
  const { cohort, leave } = cohorts.join(args)
  const deliveries = new Deliveries(follower, cohort, args, cohorts.counts)
  deliveries.onEnd(leave)
  // Whoever was to read may have gone before anything began to be read, and then nobody says so.
  deliveries.onEnd(context.peer.onGone(() => void deliveries.return()))
  deliveries.onEnd(context.keyWatch.watch(context.viewer, () => follower.fail(keyEnded(follower.cursor))))
  deliveries.onEnd(context.connections.add(connectionOf(args, follower)))
  return deliveries
}

function connectionOf({ document, operationName, contextValue }: ExecutionArgs, follower: Follower) {
  const { viewer, peer } = contextValue as Context
  const name = getOperationAST(document, operationName)?.name?.value ?? null
  const end = () => follower.fail(endedByAdmin(follower.cursor))
  return { viewer, transport: peer.transport, operationName: name, follower, end }
}

function endedByAdmin(cursor: string): CodedError {
  return new CodedError('FORBIDDEN', 'An administrator has ended this subscription.', { cursor })
}

function keyEnded(cursor: string): CodedError {
  return new CodedError('UNAUTHENTICATED', 'This API key has been revoked or has expired.', { cursor })
}

/** What one subscriber gets: the results of the events that its follower gives. */
class Deliveries implements AsyncGenerator<Delivery, undefined> {
  readonly #source: Follower
  readonly #cohort: Cohort
  readonly #args: ExecutionArgs
  readonly #onEnd: (() => void)[] = []
  readonly #counts: LiveCounts
  #ended = false

  constructor(source: Follower, cohort: Cohort, args: ExecutionArgs, counts: LiveCounts) {
    this.#source = source
    this.#cohort = cohort
    this.#args = args
    this.#counts = counts
  }

  /** Calls back once when it ends, at once if it has. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback()
    else this.#onEnd.push(callback)
  }

  async next(): Promise<IteratorResult<Delivery, undefined>> {
    try {
      const { done, value } = await this.#source.next()
      if (!done) {
        this.#counts.delivered++
        return { done, value: await this.#cohort.deliver(this.#args, value as LoggedEvent) }
      }
    } catch (error) {
      this.#end(outcomeOfError(error))
      throw error
    }
    this.#end()
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Delivery, undefined>> {
    this.#end()
    await this.#source.return()
    return { done: true, value: undefined }
  }

  async throw(error: unknown): Promise<never> {
    this.#end()
    return this.#source.throw(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.return().then(() => undefined)
  }

  #end(outcome: Outcome = 'ok'): void {
    if (this.#ended) return
    this.#ended = true
    this.#counts.ended[outcome] = (this.#counts.ended[outcome] ?? 0) + 1
    for (const callback of this.#onEnd.splice(0)) callback()
  }
}
