import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Peer } from '../lib/peer.ts'
import type { Span } from '../lib/span.ts'
import type { OperationLog } from '../log/operation-log.ts'
import type { Stream } from '../log/read/stream-index.ts'

/** One operation as its transport knows it, resolved before the pipeline runs. */
export interface RequestContext {
  readonly viewer: Viewer
  readonly caller: Caller
  readonly peer: Peer
  readonly budget: OperationBudget
  /** The document is the server's own and exempt from limits. */
  readonly trusted: boolean
  readonly call?: Call
  /** Last cursor seen by a reconnecting server-sent events client. */
  readonly lastEventId?: string
  /** Receives the cursor where a subscription begins: what to resume from before its first event. */
  readonly onStart?: (cursor: string) => void
}

type FindVisible = (id: string, again?: boolean) => Promise<Stream>

/** The resolver context, the same for every transport. */
export interface Context extends RequestContext {
  /** Each statement takes a slot of the caller. */
  readonly db: PrismaClient
  readonly log: OperationLog
  readonly keyWatch: KeyWatch
  readonly liveConnections: LiveConnections
  readonly sweep: () => void
  readonly span?: Span
  /** Looked up once per operation, or `again` as of now. @throws CodedError NOT_FOUND if missing or hidden. */
  readonly dataset: FindVisible
  readonly report: FindVisible
}
