import { CodedError } from '../errors.ts'
import { uuidBytes } from './uuid-bytes.ts'

// 1 byte version, 16 bytes stream id, 8 bytes seq, in base64url.
const VERSION = 1
const LENGTH = 25

/** The opaque position just after event `seq` of a stream, for pages, resumes and exports. */
export function encodeCursor(streamId: string, seq: number): string {
  const bytes = Buffer.alloc(LENGTH)
  bytes[0] = VERSION
  bytes.set(uuidBytes(streamId), 1)
  bytes.writeBigUInt64BE(BigInt(seq), 17)
  return bytes.toString('base64url')
}

function decodeCursor(streamId: string, cursor: string): number {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.length !== LENGTH || bytes[0] !== VERSION || bytes.toString('base64url') !== cursor) {
    throw new CodedError(
      'CURSOR_INVALID',
      'Malformed cursor. Use a cursor from an edge or a pageInfo, or omit it to start over.',
    )
  }
  if (!bytes.subarray(1, 17).equals(uuidBytes(streamId))) {
    throw new CodedError('CURSOR_INVALID', 'This cursor belongs to another stream. Omit it to start over.')
  }
  const seq = Number(bytes.readBigUInt64BE(17))
  if (!Number.isSafeInteger(seq)) throw cursorBeyondHead()
  return seq
}

function cursorBeyondHead(): CodedError {
  return new CodedError('CURSOR_INVALID', 'This cursor is past the newest event of its stream. Omit it to start over.')
}

/** For a cursor followed by removed events, which a resume would skip. @param first the earliest kept position. */
export function cursorExpired(streamId: string, first: number): CodedError {
  return new CodedError(
    'CURSOR_EXPIRED',
    'Events after this cursor have been removed. Continue from the cursor in extensions.earliest, the earliest kept.',
    { earliest: encodeCursor(streamId, first - 1) },
  )
}

export interface Bounds {
  /** Earliest kept position; `head` + 1 when no event is kept. */
  first: number
  head: number
}

/** The seq of a cursor that can be resumed from. @throws CodedError CURSOR_INVALID, CURSOR_EXPIRED. */
export function positionOf(streamId: string, cursor: string, { first, head }: Bounds): number {
  const seq = decodeCursor(streamId, cursor)
  if (seq > head) throw cursorBeyondHead()
  if (seq < first - 1) throw cursorExpired(streamId, first)
  return seq
}
