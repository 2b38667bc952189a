import type { IncomingMessage } from 'node:http'
import type { ExecutionResult } from 'graphql'
import type { GraphQLParams } from 'graphql-yoga'
import type { Identity } from '../accounts/admission.ts'
import type { TemporaryError } from '../accounts/temporary-error.ts'
import type { Budget } from '../lib/budget/budget.ts'
import { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Call } from '../lib/call.ts'
import type { Limits } from '../lib/limits.ts'
import type { Peer } from '../lib/peer.ts'
import type { RequestContext } from '../schema/context.ts'
import type { RequestBody } from './request-body.ts'

/** Maximum length of a result in characters: streamed over HTTP, one message over a WebSocket. */
const MOST_TEXT = { http: 67_108_864, message: 16_777_216 } as const

interface Options {
  readonly call?: Call
  readonly trusted?: boolean
  readonly lastEventId?: string
  readonly onStart?: (cursor: string) => void
}

/** What was done of a request before Yoga's adapter received it: its body read, or parsed, or its operation run. */
export interface Begun {
  readonly body?: Promise<RequestBody>
  readonly params?: GraphQLParams
  readonly result?: ExecutionResult | AsyncIterable<unknown>
  /** Instead of a result. The operation may have run, so it must not run again. */
  readonly thrown?: { readonly error: unknown }
}

/** What Yoga is handed with an operation; over HTTP also Node's request, and why it was not admitted. */
export interface ServerContext extends RequestContext {
  readonly req?: IncomingMessage
  readonly error?: TemporaryError
  readonly begun?: Begun
}

/** Makes the context of one operation, from what its transport has resolved. The transport releases the budget. */
export type CreateRequestContext = (identity: Identity, peer: Peer, options?: Options) => RequestContext

export function requestContexts(shared: Budget, { cost }: Pick<Limits, 'cost'>): CreateRequestContext {
  return ({ viewer, caller }, peer, { trusted = false, ...options } = {}) => {
    const values = trusted ? Number.POSITIVE_INFINITY : cost
    const text = peer.transport === 'websocket' ? MOST_TEXT.message : MOST_TEXT.http
    return { viewer, caller, peer, trusted, ...options, budget: new OperationBudget(shared, caller, { values, text }) }
  }
}
