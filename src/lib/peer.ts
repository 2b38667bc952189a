/** Whoever is at the other end of a connection. */
export interface Peer {
  /** What it is connected by. */
  readonly transport: 'WEBSOCKET' | 'SERVER_SENT_EVENTS'
  /** Calls back once the connection is gone, at once if it is already. @returns a function that takes the wish back. */
  onGone(callback: () => void): () => void
  /** Calls back when the client has taken nothing for too long of what waits for it. @returns a function that takes the wish back. */
  onStalled(callback: () => void): () => void
  /** Breaks the connection. */
  disconnect(): void
}

/** For operations that nothing goes on after. */
export const NO_PEER: Peer = {
  transport: 'SERVER_SENT_EVENTS',
  onGone: () => () => undefined,
  onStalled: () => () => undefined,
  disconnect: () => undefined,
}
