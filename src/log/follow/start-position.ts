import { positionOf } from '../cursor.ts'
import type { Stream } from '../read/stream-index.ts'
import type { FollowOptions } from './follower.ts'

export interface FollowRequest extends Omit<FollowOptions, 'after' | 'head'> {
  from: 'BEGINNING' | 'NOW'
  /** A cursor; takes precedence over `from`. */
  after?: string | null
}

/** Start position and head. @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED. */
export function startOf(stream: Stream, { from, after }: FollowRequest): { head: number; after: number } {
  const { first, head } = stream
  if (after == null) return { head, after: from === 'NOW' ? head : first - 1 }
  return { head, after: positionOf(stream.id, after, stream) }
}
