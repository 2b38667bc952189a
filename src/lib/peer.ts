import type { Transport } from './call.ts'
import type { Outcome } from './outcome.ts'

/** Why the server breaks a connection: its client does not read, or pipelines too many requests. */
export type Fault = Extract<Outcome, 'SLOW_CONSUMER' | 'RATE_LIMITED'>

/** The client of an operation, at the other end of its connection. */
export interface Peer {
  readonly transport: Extract<Transport, 'websocket' | 'sse'>
  /** Calls back once the connection is gone, immediately if it already is. */
  onGone(callback: () => void): void
  offGone(callback: () => void): void
  /** Calls back when subscriptions must end, because of a fault of the client. */
  onFault(callback: (fault: Fault) => void): void
  offFault(callback: (fault: Fault) => void): void
  /** Breaks the connection of a client that does not read, which is counted and logged. */
  cutOff(): void
  disconnect(): void
  /** The cursor where its subscription begins; absent where it is sent at once. */
  readonly start?: string
}
