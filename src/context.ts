import type { ServerResponse } from 'node:http'
import type { YogaInitialContext } from 'graphql-yoga'
import type { Authenticate } from './auth/authenticate.ts'
import { bearerKey } from './auth/credentials.ts'
import type { KeyWatch } from './auth/key-watch.ts'
import type { LiveConnections } from './auth/live-connections.ts'
import { type Viewer, visibleDatasets, visibleReports } from './auth/viewer.ts'
import type { Budget } from './budget/budget.ts'
import type { Call } from './calls.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import type { Answers } from './http/answers.ts'
import type { EventLog } from './log/event-log.ts'
import { NO_PEER, type Peer } from './peer.ts'
import { limitReading } from './read-limit.ts'
import type { Span } from './span.ts'
import { type CallLog, traceLog } from './traced-log.ts'

/** What every server of one process shares. */
export interface Services {
  readonly db: PrismaClient
  readonly log: EventLog
  readonly authenticate: Authenticate
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
  readonly db: PrismaClient
  readonly log: CallLog
  readonly viewer: Viewer
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
  /** The key, where the door has its own rules for finding it. */
  readonly key?: string | null
  /** The viewer, where the door asks in its own name. */
  readonly viewer?: Viewer
  /** Whether the document is the server's own, which no limit is meant for. */
  readonly ownDocument?: true
  /** The response that Node writes to, for a request over HTTP. */
  readonly res?: ServerResponse
  /** Who gets what a subscription gives, where that is not the response. */
  readonly peer?: Peer
}

/** Makes the context of one request: for GraphQL over HTTP from its headers, else from what the door says. */
export function createContextFactory({ db, log, authenticate, keyWatch, connections, answers, sweep }: Services) {
  return async (initial: YogaInitialContext & DoorContext): Promise<Context> => {
    const key =
      initial.key === undefined ? bearerKey(initial.request.headers.get('authorization')) : (initial.key ?? undefined)
    const viewer = initial.viewer ?? (await authenticate(key))
    const span = initial.call?.span
    const select = { id: true, organizationId: true } as const
    return {
      db,
      log: limitReading(traceLog(log, span)),
      span,
      viewer,
      keyWatch,
      connections,
      sweep,
      peer: initial.peer ?? (answers && initial.res ? answers.of(initial.res, viewer, initial.call) : NO_PEER),
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
