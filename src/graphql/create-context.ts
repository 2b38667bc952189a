import type { ServerResponse } from 'node:http'
import type { YogaInitialContext } from 'graphql-yoga'
import type { Accounts } from '../accounts/accounts.ts'
import type { Identity } from '../accounts/admission.ts'
import { callerOf } from '../accounts/caller-of.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import { ANONYMOUS, maySee } from '../accounts/viewer.ts'
import { CodedError } from '../errors.ts'
import type { Budget } from '../lib/budget/budget.ts'
import { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Call } from '../lib/call.ts'
import type { Limits } from '../lib/limits.ts'
import { NO_PEER, type Peer } from '../lib/peer.ts'
import { createOperationLog } from '../log/operation-log.ts'
import type { Stream } from '../log/read/stream-index.ts'
import type { Context, ServerContext } from '../schema/context.ts'

/** Maximum length of a result in characters: streamed over HTTP, one message over a WebSocket. */
const MOST_TEXT = { http: 67_108_864, message: 16_777_216 } as const

interface Responses {
  of(response: ServerResponse, identity: Identity, call?: Call): Peer
}

export interface Services {
  readonly accounts: Accounts
  readonly keyWatch: KeyWatch
  readonly connections: LiveConnections
  readonly responses?: Responses
  /** Starts the removal of data past its retention, in the background. */
  readonly sweep: () => void
  readonly budget: Budget
}

/** Creates the context of one request, which its transport has already authenticated. */
export function createContextFactory(
  { accounts, keyWatch, connections, responses, sweep, budget: shared }: Services,
  { cost }: Pick<Limits, 'cost'>,
) {
  return async (initial: YogaInitialContext & ServerContext): Promise<Context> => {
    const viewer = initial.viewer ?? ANONYMOUS
    const caller = initial.caller ?? callerOf(viewer, undefined)
    const { db, log } = accounts.of(caller)
    const span = initial.call?.span
    const peer =
      initial.peer ?? (responses && initial.res ? responses.of(initial.res, { viewer, caller }, initial.call) : NO_PEER)
    const budget = new OperationBudget(shared, caller, {
      values: initial.trusted ? Number.POSITIVE_INFINITY : cost,
      text: peer.transport === 'websocket' ? MOST_TEXT.message : MOST_TEXT.http,
    })
    // Other transports release it themselves.
    if (initial.res) peer.onGone(() => budget.release())
    const operationLog = createOperationLog(log, budget, span)
    const findStream = memoize((id) => operationLog.findStream(id))
    const visible = (kind: Stream['kind']) => async (id: string) => {
      const stream = await findStream(id)
      if (stream?.kind === kind && maySee(viewer, stream)) return stream
      throw new CodedError('NOT_FOUND', `There is no stream ${id} that this API key can see.`)
    }
    return {
      db,
      log: operationLog,
      budget,
      span,
      viewer,
      caller,
      keyWatch,
      connections,
      sweep,
      peer,
      lastEventId: initial.request.headers.get('last-event-id'),
      dataset: visible('DATASET'),
      report: visible('REPORT'),
    }
  }
}

function memoize<Value>(find: (id: string) => Promise<Value>): (id: string) => Promise<Value> {
  const found = new Map<string, Promise<Value>>()
  return (id) => {
    const known = found.get(id) ?? find(id)
    found.set(id, known)
    return known
  }
}
