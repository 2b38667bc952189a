import type { ServerResponse } from 'node:http'

/** Whoever is at the other end of a connection. */
export interface Peer {
  /** What it is connected by. */
  readonly transport: 'WEBSOCKET' | 'SERVER_SENT_EVENTS'
  /** Calls back once the connection is gone, at once if it is already. @returns a function that takes the wish back. */
  onGone(callback: () => void): () => void
  /** Breaks the connection. */
  disconnect(): void
}

/** The peer that a response goes to. */
export function peerOf(response: ServerResponse): Peer {
  return {
    transport: 'SERVER_SENT_EVENTS',
    onGone(callback) {
      if (response.closed || response.destroyed) callback()
      else response.once('close', callback)
      return () => void response.off('close', callback)
    },
    disconnect: () => void response.destroy(),
  }
}

/** For operations that nothing goes on after. */
export const NO_PEER: Peer = {
  transport: 'SERVER_SENT_EVENTS',
  onGone: () => () => undefined,
  disconnect: () => undefined,
}
