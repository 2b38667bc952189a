import type { Transport } from './call.ts'

/** The client of an operation, at the other end of its connection. */
export interface Peer {
  readonly transport: Extract<Transport, 'websocket' | 'sse'>
  /** Calls back once the connection is gone, immediately if it already is. @returns an unsubscribe function. */
  onGone(callback: () => void): () => void
  /** Calls back when the client has not read pending output for too long. @returns an unsubscribe function. */
  onStalled(callback: () => void): () => void
  /** Breaks the connection of a client that does not read, which is counted and logged. */
  cutOff(): void
  disconnect(): void
  /** The cursor where its subscription begins; absent where it is sent at once. */
  readonly start?: string
}
