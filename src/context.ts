import type { ServerResponse } from 'node:http'
import type { YogaInitialContext } from 'graphql-yoga'
import type { KeyWatch } from './auth/key-watch.ts'
import type { LiveConnections } from './auth/live-connections.ts'
import { ANONYMOUS, type Viewer, visibleDatasets, visibleReports } from './auth/viewer.ts'
import type { Accounts } from './budget/accounts.ts'
import type { Budget } from './budget/budget.ts'
import type { Call } from './calls.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import { NO_PEER, type Peer, peerOf } from './peer.ts'
import { type Caller, callerOf } from './rate/caller.ts'
import { limitReading } from './read-limit.ts'
import type { Span } from './span.ts'
import { type CallLog, traceLog } from './traced-log.ts'

/** What every server of one process shares. */
export interface Services {
  readonly accounts: Accounts
  readonly keyWatch: KeyWatch
  readonly connections: LiveConnections
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
  readonly log: CallLog
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
  /** The response that Node writes to, for a request over HTTP. */
  readonly res?: ServerResponse
  /** Who gets what a subscription gives, where that is not the response. */
  readonly peer?: Peer
}

/** Makes the context of one request. Its door has found out who calls. */
export function createContextFactory({ accounts, keyWatch, connections, sweep }: Services) {
  return async (initial: YogaInitialContext & DoorContext): Promise<Context> => {
    const viewer = initial.viewer ?? ANONYMOUS
    const caller = initial.caller ?? callerOf(viewer, undefined)
    const { db, log } = accounts.of(caller)
    const span = initial.call?.span
    const select = { id: true, organizationId: true } as const
    return {
      db,
      log: limitReading(traceLog(log, span)),
      span,
      viewer,
      caller,
      keyWatch,
      connections,
      sweep,
      peer: initial.peer ?? (initial.res ? peerOf(initial.res) : NO_PEER),
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
