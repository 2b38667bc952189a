import type { IncomingMessage, ServerResponse } from 'node:http'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Peer } from '../lib/peer.ts'
import type { Span } from '../lib/span.ts'
import type { BudgetedLog } from '../log/budgeted-log.ts'

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
