import type { Queries } from '../../db/queries.ts'
import { positionOf } from '../read/epochs.ts'
import type { Stream } from '../read/stream-index.ts'
import type { FollowOptions } from './follower.ts'

export interface FollowRequest extends Omit<FollowOptions, 'after'> {
  from: 'BEGINNING' | 'NOW'
  /** A cursor; takes precedence over `from`. */
  after?: string | null
}

/** The position to follow from. @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED. */
export async function startOf(db: Queries, stream: Stream, { types, from, after }: FollowRequest): Promise<number> {
  if (after != null) return await positionOf(db, stream, after, { types, side: 'NEWER' })
  return from === 'NOW' ? stream.head : stream.first - 1
}
