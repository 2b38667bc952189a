/** An open connection, or a pair of them, over which the servers of one database reach each other. */
export interface Channel {
  /** Hands a message to everybody who listens, the sender included. Rejects when that failed, or took too long. */
  send(message: string): Promise<void>
  /** Rejects when the other end no longer answers. */
  probe(): Promise<void>
  /** Resolves when nothing of it is open any more. */
  readonly closed: Promise<void>
}

/** What becomes of a channel. */
interface ChannelEvents {
  /** Given each message that was sent since the channel opened, unless it got lost. */
  received: (message: string) => void
  /** Told why the channel is of no more use, once or oftener. */
  lose: (error: unknown) => void
}

/**
 * Opens a channel that listens already. It calls `lose` when it fails by itself, and closes when the signal fires, also while it
 * opens. Rejects when it cannot be opened, and has left nothing open then.
 */
export type OpenChannel = (events: ChannelEvents, stop: AbortSignal) => Promise<Channel>

/** The channel's name on PostgreSQL and Redis, and what connections are called there. */
export const NAMES = { channel: 'tidemark_wakeups', connection: 'tidemark-wakeups' } as const

/** How long the other end may take, in milliseconds: to let us in, to answer, and to part. */
export const PATIENCE = { connect: 5_000, answer: 5_000, close: 1_000 } as const
