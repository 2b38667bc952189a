import { CodedError } from '../errors.ts'
import { uuidBytes } from './uuid-bytes.ts'

// One byte of version, sixteen of stream id, eight of seq, in base64url.
const VERSION = 1
const LENGTH = 25

/** The opaque position just after event `seq` of a stream: for pages, resumes and exports alike. */
export function encodeCursor(streamId: string, seq: number): string {
  const bytes = Buffer.alloc(LENGTH)
  bytes[0] = VERSION
  bytes.set(uuidBytes(streamId), 1)
  bytes.writeBigUInt64BE(BigInt(seq), 17)
  return bytes.toString('base64url')
}

/**
 * The seq that a cursor of this stream stands for.
 * @throws CodedError CURSOR_INVALID when it is not a cursor, or one of another stream.
 */
function decodeCursor(streamId: string, cursor: string): number {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.length !== LENGTH || bytes[0] !== VERSION || bytes.toString('base64url') !== cursor) {
    throw new CodedError(
      'CURSOR_INVALID',
      'This is not a cursor. Use one from an edge or a pageInfo, or leave it out to start anew.',
    )
  }
  if (!bytes.subarray(1, 17).equals(uuidBytes(streamId))) {
    throw new CodedError('CURSOR_INVALID', 'This cursor belongs to another stream. Leave it out to start anew.')
  }
  const seq = Number(bytes.readBigUInt64BE(17))
  if (!Number.isSafeInteger(seq)) throw cursorBeyondHead()
  return seq
}

/** For a cursor past the newest event: it cannot come from this log as it is now. */
function cursorBeyondHead(): CodedError {
  return new CodedError(
    'CURSOR_INVALID',
    'This cursor is past the newest event of its stream. Leave it out to start anew.',
  )
}

/**
 * For a cursor after which events have been removed, so that going on from it would skip them.
 * @param first the earliest position that is kept.
 */
export function cursorExpired(streamId: string, first: number): CodedError {
  return new CodedError(
    'CURSOR_EXPIRED',
    'Events after this cursor are no longer kept. Go on from the cursor in extensions.earliest: what lies between is gone.',
    { earliest: encodeCursor(streamId, first - 1) },
  )
}

/** The positions that a stream has now. */
export interface Bounds {
  /** Of the earliest event that is kept; one more than `head` when there is none. */
  first: number
  head: number
}

/**
 * The seq that a cursor stands for, if what comes after it can be read.
 * @throws CodedError CURSOR_INVALID, CURSOR_EXPIRED.
 */
export function positionOf(streamId: string, cursor: string, { first, head }: Bounds): number {
  const seq = decodeCursor(streamId, cursor)
  if (seq > head) throw cursorBeyondHead()
  if (seq < first - 1) throw cursorExpired(streamId, first)
  return seq
}
