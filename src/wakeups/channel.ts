export interface Channel {
  /** Sends to all listeners, the sender included. Rejects on failure or timeout. */
  send(message: string): Promise<void>
  /** Resolves when all its connections are closed. */
  readonly closed: Promise<void>
}

interface ChannelEvents {
  received: (message: string) => void
  /** Called one or more times when the channel fails, with the reason. */
  lose: (error: unknown) => void
}

/** Opens a channel that already listens; it closes on abort, also while opening. A rejection leaves nothing open. */
export type OpenChannel = (events: ChannelEvents, stop: AbortSignal) => Promise<Channel>

export const NAMES = { channel: 'tidemark_wakeups', connection: 'tidemark-wakeups' } as const

/** Timeouts, in milliseconds. */
export const TIMEOUTS = { connect: 5_000, answer: 5_000, close: 1_000 } as const
