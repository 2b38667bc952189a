export interface Channel {
  /** Sends to all listeners, the sender included. Rejects on failure or timeout. */
  send(message: string): Promise<void>
  /** Resolves when all its connections are closed. */
  readonly closed: Promise<void>
}

interface ChannelEvents {
  received: (message: string) => void
  lose: (error: unknown) => void
}

/** Opens a channel that already listens; it closes on abort, also while opening. A rejection leaves nothing open. */
export type OpenChannel = (events: ChannelEvents, stop: AbortSignal) => Promise<Channel>

export const NAMES = { channel: 'tidemark_wakeups', connection: 'tidemark-wakeups' } as const

export const TIMEOUTS = { connect: 5_000, response: 5_000, close: 1_000 } as const
