import { type ExecutionArgs, getOperationAST } from 'graphql'
import { CodedError } from '../errors.ts'
import type { Fault } from '../lib/peer.ts'
import { tooSlow } from '../log/follow/failures.ts'
import type { Context } from '../schema/context.ts'
import type { Cohort, Cohorts } from './cohort.ts'
import type { Subscription } from './subscription.ts'
import type { SubscriptionLimit } from './subscription-limit.ts'

/** Where an open subscription is listed: with all that can end it, its cohort and the limit that counts it. */
export class Registration {
  readonly #subscription: Subscription
  readonly #context: Pick<Context, 'viewer' | 'caller' | 'peer' | 'keyWatch' | 'liveConnections'>
  readonly #cohorts: Cohorts
  readonly #cohort: Cohort
  readonly #limit: SubscriptionLimit
  readonly #liveId: string

  constructor(
    subscription: Subscription,
    args: ExecutionArgs,
    cohorts: Cohorts,
    cohort: Cohort,
    limit: SubscriptionLimit,
  ) {
    const { viewer, caller, peer, keyWatch, liveConnections } = args.contextValue as Context
    this.#subscription = subscription
    this.#context = { viewer, caller, peer, keyWatch, liveConnections }
    this.#cohorts = cohorts
    this.#cohort = cohort
    this.#limit = limit
    // If the client disconnects before it is started, nothing else ends the subscription.
    peer.onGone(this.#onGone)
    peer.onFault(this.#onFault)
    keyWatch.watch(viewer, this.#onKeyEnded)
    this.#liveId = liveConnections.add({
      viewer,
      transport: peer.transport,
      operationName: getOperationAST(args.document, args.operationName)?.name?.value ?? null,
      source: subscription.follower.place,
      end: this.#onEnded,
    })
  }

  /** To be called when the subscription has ended, for any reason. */
  leave(): void {
    const { viewer, caller, peer, keyWatch, liveConnections } = this.#context
    this.#cohorts.leave(this.#cohort)
    this.#limit.close(caller)
    peer.offGone(this.#onGone)
    peer.offFault(this.#onFault)
    keyWatch.unwatch(viewer, this.#onKeyEnded)
    liveConnections.remove(this.#liveId)
  }

  readonly #onGone = (): void => this.#subscription.return()

  // The follower does not see what the connection has accepted and cannot write.
  readonly #onFault = (fault: Fault): void => this.#fail(FAULTS[fault])

  readonly #onKeyEnded = (): void => this.#fail(keyEnded)

  readonly #onEnded = (): void => this.#fail(endedByAdmin)

  #fail(failure: (cursor: string) => CodedError): void {
    const { follower } = this.#subscription
    follower.fail(failure(follower.place.cursor))
  }
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
