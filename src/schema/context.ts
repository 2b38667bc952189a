import type { IncomingMessage, ServerResponse } from 'node:http'
import type { YogaInitialContext } from 'graphql-yoga'
import type { Accounts } from '../accounts/accounts.ts'
import { callerOf } from '../accounts/caller-of.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import { ANONYMOUS, type Viewer, visibleDatasets, visibleReports } from '../accounts/viewer.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { Answers } from '../http/answers.ts'
import type { Budget } from '../lib/budget/budget.ts'
import { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Limits } from '../lib/limits.ts'
import { NO_PEER, type Peer } from '../lib/peer.ts'
import type { Span } from '../lib/span.ts'
import { type BudgetedLog, budgetLog } from '../log/budgeted-log.ts'
import { traceLog } from '../log/traced-log.ts'

/**
 * Longest answer of an operation, in characters: over HTTP, where it is written in pieces, and as one message of a WebSocket.
 */
const MOST_TEXT = { http: 67_108_864, message: 16_777_216 } as const

/** What every server of one process shares. */
export interface Services {
  readonly accounts: Accounts
  readonly keyWatch: KeyWatch
  readonly connections: LiveConnections
  /** Absent where nothing is answered over HTTP. */
  readonly answers?: Answers
  /** Has what is not to be kept any longer removed now, in the background. */
  readonly sweep: () => void
  /** What all requests of this process share. */
  readonly budget: Budget
}

/** A dataset or report, as far as rights and events need it. */
export interface Stream {
  readonly id: string
  readonly organizationId: string
}

/** What a resolver gets, whichever door the request came through. */
export interface Context {
  /** Each statement takes a slot on the caller's account. */
  readonly db: PrismaClient
  readonly log: BudgetedLog
  /** What the operation may still read, make and send. */
  readonly budget: OperationBudget
  readonly viewer: Viewer
  readonly caller: Caller
  readonly keyWatch: KeyWatch
  readonly connections: LiveConnections
  readonly sweep: () => void
  /** Where what is done is traced, if it is. */
  readonly span?: Span
  /** Who gets what a subscription gives. */
  readonly peer: Peer
  /** The cursor that a client of server-sent events saw last, when it comes back. */
  readonly lastEventId: string | null
  /** The cursor at which the operation's subscription begins, once it has begun. */
  start?: string
  /** The dataset, or null when there is none or the viewer may not know of it. Asked once per request. */
  readonly findDataset: (id: string) => Promise<Stream | null>
  /** The report, likewise. */
  readonly findReport: (id: string) => Promise<Stream | null>
}

/** What a door other than `/graphql` itself says about its caller. */
export interface DoorContext {
  /** The request or operation, for those who watch the server. */
  readonly call?: Call
  /** Who asks; the door itself, where it asks in its own name. */
  readonly viewer?: Viewer
  /** On whose account. */
  readonly caller?: Caller
  /** Whether the document is the server's own, which no limit is meant for. */
  readonly ownDocument?: true
  /** What Node reads the request from, for one over HTTP. */
  readonly req?: IncomingMessage
  /** The response that Node writes to, likewise. */
  readonly res?: ServerResponse
  /** Who gets what a subscription gives, where that is not the response. */
  readonly peer?: Peer
}

/** Makes the context of one request. Its door has found out who calls. */
export function createContextFactory(
  { accounts, keyWatch, connections, answers, sweep, budget: shared }: Services,
  { cost }: Pick<Limits, 'cost'>,
) {
  return async (initial: YogaInitialContext & DoorContext): Promise<Context> => {
    const viewer = initial.viewer ?? ANONYMOUS
    const caller = initial.caller ?? callerOf(viewer, undefined)
    const { db, log } = accounts.of(caller)
    const span = initial.call?.span
    const peer =
      initial.peer ?? (answers && initial.res ? answers.of(initial.res, { viewer, caller }, initial.call) : NO_PEER)
    const budget = new OperationBudget(shared, caller, {
      values: initial.ownDocument ? Number.POSITIVE_INFINITY : cost,
      text: peer.transport === 'WEBSOCKET' ? MOST_TEXT.message : MOST_TEXT.http,
    })
    // Other doors release it themselves.
    if (initial.res) peer.onGone(() => budget.release())
    const select = { id: true, organizationId: true } as const
    return {
      db,
      log: budgetLog(traceLog(log, span), budget),
      budget,
      span,
      viewer,
      caller,
      keyWatch,
      connections,
      sweep,
      peer,
      lastEventId: initial.request.headers.get('last-event-id'),
      findDataset: once((id) => db.dataset.findFirst({ where: { AND: [{ id }, visibleDatasets(viewer)] }, select })),
      findReport: once((id) => db.report.findFirst({ where: { AND: [{ id }, visibleReports(viewer)] }, select })),
    }
  }
}

function once<Value>(find: (id: string) => Promise<Value>): (id: string) => Promise<Value> {
  const found = new Map<string, Promise<Value>>()
  return (id) => {
    const known = found.get(id) ?? find(id)
    found.set(id, known)
    return known
  }
}
