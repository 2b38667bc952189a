import type { Payload } from './payload.ts'

/** An event about to be appended. */
export interface NewEvent {
  /** Makes the append idempotent: the same id with the same type and data is stored once, for ever. */
  id: string
  /** The stored name of its type, unique within the kind of stream. */
  type: string
  data: Payload
}

/** An event as the log holds it. */
export interface LoggedEvent {
  streamId: string
  /** Position in its stream: 1, 2, 3, … in the order of commits, without holes. */
  seq: number
  id: string
  type: string
  /** Milliseconds; never runs backwards within a stream. */
  createdAt: Date
  /** The payload's JSON text, byte for byte as it was appended, or what was put in its place. */
  data: string
  /** When its payload was removed; null while it has it. */
  redactedAt: Date | null
}

/** What became of one event of an append. */
export interface AppendResult {
  id: string
  /** The position it has, or that the event with its id has had since it was first appended. */
  seq: number
  /** DUPLICATE: the same event was there already. CONFLICT: another event was there under its id, and it is not stored. */
  outcome: 'RECORDED' | 'DUPLICATE' | 'CONFLICT'
}
