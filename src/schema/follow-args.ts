import { z } from 'zod'
import type { FollowRequest } from '../log/follow/start-position.ts'
import { FINAL_STATE } from '../log/report/report-event.ts'
import type { Context } from './context.ts'
import { StreamStart } from './event-page.ts'

// Arguments of the subscriptions to events.

const between = (least: number, most: number) => {
  const range = `must be ${least} to ${most.toLocaleString('en')}`
  return z.number().min(least, range).max(most, range).nullish()
}

export const fromArg = {
  type: StreamStart,
  defaultValue: 'NOW' as const,
  description: 'Where to begin if neither `after` nor `tail` is given.',
}

export const tailArg = {
  validate: between(0, 1_000),
  description:
    'Begin with this many of the newest selected events, 0 to 1,000, the oldest of them first. Takes precedence over ' +
    '`from`.',
}

export const afterArg = {
  description:
    'Begin after this cursor of the same stream. Takes precedence over `tail` and `from`; the Last-Event-ID header ' +
    'takes precedence over all of them.',
}

export const pastEndArg = {
  defaultValue: false,
  description: 'Whether to continue after the report has reached COMPLETED or ERROR.',
}

export const maxEventsArg = {
  defaultValue: 100,
  validate: between(1, 1_000),
  description:
    'Maximum number of events in a batch, 1 to 1,000. A batch also ends at 1 Mi characters of payloads, or when the ' +
    'memory for stored events is exhausted.',
}

export const maxWaitMsArg = {
  defaultValue: 0,
  validate: between(0, 10_000),
  description:
    'How long new events are collected for one batch, in milliseconds: 0 to 10,000. Stored events are not delayed, ' +
    'and a full batch is delivered at once.',
}

interface Start {
  types?: readonly string[] | null
  from?: FollowRequest['from'] | null
  tail?: number | null
  after?: string | null
}

export function followRequest({ from, after, ...start }: Start, { lastEventId, peer }: Context): FollowRequest {
  return { ...start, from: from ?? 'NOW', after: lastEventId ?? after, client: peer }
}

/** Ends with the report, unless `pastEnd`. */
export function reportFollowRequest(
  { pastEnd, ...start }: Start & { pastEnd?: boolean | null },
  context: Context,
): FollowRequest {
  return { ...followRequest(start, context), end: pastEnd ? undefined : FINAL_STATE }
}

interface BatchArgs {
  maxEvents?: number | null
  maxWaitMs?: number | null
}

/** Null means the default, as an argument that is left out. */
export function batchOptions({ maxEvents, maxWaitMs }: BatchArgs) {
  return { maxEvents: maxEvents ?? maxEventsArg.defaultValue, maxWaitMs: maxWaitMs ?? maxWaitMsArg.defaultValue }
}
