import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Limits } from '../lib/limits.ts'
import type { Follower } from '../log/follow/follower.ts'
import type { Context } from '../schema/context.ts'
import type { Cohorts, MaskResultError } from './cohort.ts'
import type { ConnectionLimit } from './connection-limit.ts'
import type { PacedSource } from './item.ts'
import { Registration } from './registration.ts'
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
  const isCounted = limits.subscriptions.open(context.caller)
  if (!isCounted || !mayOpen(context, limits.connectionLimit)) {
    if (isCounted) limits.subscriptions.close(context.caller)
    follower.return()
    return TOO_MANY
  }
  context.onStart?.(follower.place.cursor)
  const cohort = cohorts.join(args, mask)
  const { call, peer } = context
  const subscription = new Subscription(source, cohort, peer, cohorts.counts, call)
  const registration = new Registration(subscription, args, cohorts, cohort, limits.subscriptions)
  subscription.onEnd(() => registration.leave())
  return subscription
}
