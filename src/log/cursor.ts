import { CodedError } from '../errors.ts'
import { uuidBytes } from './uuid-bytes.ts'

// Version 2: 1 byte version, 16 bytes stream id, 8 bytes seq, 6 bytes epoch id, in base64url. Version 1 had no epoch.
const LENGTHS = { 1: 25, 2: 31 } as const

/** The epoch before the first append in any epoch, and of cursors of version 1: see `lastShared`. */
export const NO_EPOCH = 0

/** In place of an epoch: a position that a client has counted, in any history. */
export const ANY_EPOCH = 0xffff_ffff_ffff

/** A place in one history of a stream: just after event `seq`, as of an epoch. */
export interface Position {
  readonly seq: number
  readonly epoch: number
}

/** The opaque position just after event `seq` of a stream, for pages, resumes and exports. */
export function encodeCursor(streamId: string, { seq, epoch }: Position): string {
  if (last.streamId !== streamId || last.epoch !== epoch) last = cursorsOf(streamId, epoch)
  const { start, firstOfEpoch, end } = last
  const [high, low] = [Math.floor(seq / 0x100_0000), seq % 0x100_0000]
  // Four characters are three bytes: bytes 18 to 20 of the cursor, 21 to 23, and the last one of seq with two of epoch.
  return `${start}${digits(Math.floor(high / 0x100))}${digits((high % 0x100) * 0x1_0000 + (low >> 8))}${digits(
    (low % 0x100) * 0x1_0000 + firstOfEpoch,
  )}${end}`
}

/** What the cursors of a stream have in common in an epoch: cursors are mostly made for one stream at a time. */
interface Cursors {
  readonly streamId: string
  readonly epoch: number
  readonly start: string
  readonly firstOfEpoch: number
  readonly end: string
}

let last: Cursors = { streamId: '', epoch: Number.NaN, start: '', firstOfEpoch: 0, end: '' }

function cursorsOf(streamId: string, epoch: number): Cursors {
  const bytes = Buffer.alloc(LENGTHS[2])
  bytes[0] = 2
  bytes.set(uuidBytes(streamId), 1)
  bytes.writeUIntBE(epoch, 25, 6)
  const text = bytes.toString('base64url')
  return { streamId, epoch, start: text.slice(0, 24), firstOfEpoch: bytes.readUInt16BE(25), end: text.slice(36) }
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const PAIRS = Array.from({ length: 4_096 }, (_, i) => `${DIGITS[i >> 6]}${DIGITS[i & 63]}`)

function digits(bytes: number): string {
  return `${PAIRS[bytes >> 12]}${PAIRS[bytes & 4_095]}`
}

/** @throws CodedError CURSOR_INVALID when it is none, or of another stream. */
export function decodeCursor(streamId: string, cursor: string): Position {
  const bytes = Buffer.from(cursor, 'base64url')
  const version = bytes[0]
  const known = (version === 1 || version === 2) && bytes.length === LENGTHS[version]
  if (!known || bytes.toString('base64url') !== cursor) {
    throw new CodedError(
      'CURSOR_INVALID',
      'Malformed cursor. Use a cursor from an edge or a pageInfo, or omit it to start over.',
    )
  }
  if (!bytes.subarray(1, 17).equals(uuidBytes(streamId))) {
    throw new CodedError('CURSOR_INVALID', 'This cursor belongs to another stream. Omit it to start over.')
  }
  const seq = Number(bytes.readBigUInt64BE(17))
  if (!Number.isSafeInteger(seq)) {
    throw new CodedError('CURSOR_INVALID', 'The position in this cursor is out of range. Omit it to start over.')
  }
  return { seq, epoch: version === 1 ? NO_EPOCH : bytes.readUIntBE(25, 6) }
}

export interface Bounds {
  /** Earliest kept position; `head` + 1 when no event is kept. */
  readonly first: number
  readonly head: number
  readonly epoch: number
}

/** For a cursor followed by removed events, which a resume would skip. */
export function cursorExpired(streamId: string, { first, epoch }: Omit<Bounds, 'head'>): CodedError {
  return new CodedError(
    'CURSOR_EXPIRED',
    'Events after this cursor have been removed. Continue from the cursor in extensions.earliest, the earliest kept.',
    { reason: 'EVENTS_REMOVED', earliest: encodeCursor(streamId, { seq: first - 1, epoch }) },
  )
}

/** For a reader of another history. @param shared the last position that both histories have, if it is known. */
export function historyChanged(streamId: string, { first, head, epoch }: Bounds, shared?: number): CodedError {
  const cursorAt = (seq: number) => encodeCursor(streamId, { seq, epoch })
  return new CodedError(
    'CURSOR_EXPIRED',
    'This cursor belongs to another history of this stream: the database was restored, failed over to a copy that ' +
      'was behind, or moved, and lacks events that were recorded before, or has others in their place. Continue from ' +
      'extensions.cursor, the last position that both histories share, where it is known, or from ' +
      'extensions.earliest or latest.',
    {
      reason: 'EPOCH_CHANGED',
      cursor: shared === undefined ? undefined : cursorAt(Math.max(shared, first - 1)),
      earliest: cursorAt(first - 1),
      latest: cursorAt(head),
    },
  )
}
