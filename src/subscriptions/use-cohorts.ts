import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { CodedError } from '../errors.ts'
import type { Limits } from '../lib/limits.ts'
import type { Fault } from '../lib/peer.ts'
import { tooSlow } from '../log/follow/followed-streams.ts'
import type { Follower } from '../log/follow/follower.ts'
import type { Context } from '../schema/context.ts'
import type { Cohorts, MaskResultError } from './cohort.ts'
import type { ConnectionLimit } from './connection-limit.ts'
import type { PacedSource } from './item.ts'
import { Subscription } from './subscription.ts'
import { SubscriptionLimit } from './subscription-limit.ts'

/** Executes subscriptions once per event for all subscribers with the same result. */
export function useCohorts(
  cohorts: Cohorts,
  connectionLimit: ConnectionLimit,
  { socketsPerKey }: Limits,
  mask: MaskResultError,
): Plugin {
  const limits = { connectionLimit, subscriptions: new SubscriptionLimit(socketsPerKey) }
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => subscribe(cohorts, limits, mask, args))
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
  mask: MaskResultError,
  args: ExecutionArgs,
): Promise<ExecutionResult | Subscription> {
  const stream = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in stream)) return stream
  const source = stream as AsyncIterable<unknown> as Follower | PacedSource
  const follower = 'follower' in source ? source.follower : source
  const context = args.contextValue as Context
  const ended = limits.subscriptions.open(context.caller)
  if (!ended || !mayOpen(context, limits.connectionLimit)) {
    ended?.()
    follower.return()
    return TOO_MANY
  }
  context.onStart?.(follower.cursor)
  const cohort = cohorts.join(args, mask)
  const { call, peer, viewer, keyWatch, liveConnections } = context
  const subscription = new Subscription(source, cohort, peer, cohorts.counts, (error) => mask(error, call))
  subscription.onEnd(() => cohorts.leave(cohort))
  subscription.onEnd(ended)
  // If the client disconnects before it is started, nothing else ends the subscription.
  subscription.onEnd(peer.onGone(() => subscription.return()))
  // The follower does not see what the connection has accepted and cannot write.
  subscription.onEnd(peer.onFault((fault) => follower.fail(FAULTS[fault](follower.cursor))))
  subscription.onEnd(keyWatch.watch(viewer, () => follower.fail(keyEnded(follower.cursor))))
  subscription.onEnd(liveConnections.add(connectionOf(args, follower)))
  return subscription
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
