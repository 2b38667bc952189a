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
import type { OperationLog } from '../log/operation-log.ts'
import type { Stream } from '../log/read/stream-index.ts'

/** The resolver context, the same for every transport. */
export interface Context {
  /** Each statement takes a slot of the caller. */
  readonly db: PrismaClient
  readonly log: OperationLog
  readonly budget: OperationBudget
  readonly viewer: Viewer
  readonly caller: Caller
  readonly keyWatch: KeyWatch
  readonly connections: LiveConnections
  readonly sweep: () => void
  /** Present when the operation is traced. */
  readonly span?: Span
  /** The client that receives the subscription. */
  readonly peer: Peer
  /** Last cursor seen by a reconnecting server-sent events client. */
  readonly lastEventId: string | null
  /** Start cursor of the operation's subscription, once it has begun. */
  start?: string
  /** The stream of a dataset, looked up once per operation. @throws CodedError NOT_FOUND when missing or hidden. */
  readonly dataset: (id: string) => Promise<Stream>
  /** Like `dataset`. */
  readonly report: (id: string) => Promise<Stream>
}

/** What a transport passes in: Yoga's server context. */
export interface ServerContext {
  /** For logs and metrics. */
  readonly call?: Call
  /** The client's, or the server's own for its own requests. */
  readonly viewer?: Viewer
  readonly caller?: Caller
  /** The document is the server's own and exempt from limits. */
  readonly trusted?: true
  /** Node's request and response, over HTTP. */
  readonly req?: IncomingMessage
  readonly res?: ServerResponse
  /** The client that receives the subscription, where that is not the response. */
  readonly peer?: Peer
}
