import type { Payload } from './payload.ts'

/** An id with the same type and data is stored once; `type` is unique within the kind of stream. */
export interface NewEvent {
  id: string
  type: string
  data: Payload
}

/** `seq` is 1, 2, 3, … in commit order without gaps; `createdAt`, in milliseconds, never decreases within a stream. */
export interface LoggedEvent {
  streamId: string
  seq: number
  id: string
  type: string
  createdAt: Date
  /** JSON text, byte for byte as appended or redacted; with a `prefix` of a read, only that. */
  data: string
  /** UTF-8 bytes of the whole JSON text. */
  size: number
  redactedAt: Date | null
  /** Epoch of its stream as of the read, for cursors. */
  epoch: number
}

export interface AppendResult {
  id: string
  seq: number
  /** DUPLICATE: stored already. CONFLICT: not stored, as its id is another event's. `seq` is the stored event's. */
  outcome: 'RECORDED' | 'DUPLICATE' | 'CONFLICT'
  epoch: number
}
