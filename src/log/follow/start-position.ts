import type { Queries } from '../../db/queries.ts'
import { positionOf } from '../read/epochs.ts'
import type { Stream } from '../read/stream-index.ts'
import type { FollowOptions } from './follower.ts'

export interface FollowRequest extends Omit<FollowOptions, 'after' | 'memory'> {
  from: 'BEGINNING' | 'NOW'
  /** Begin with this many of the newest events that are wanted, 0 to 1,000; takes precedence over `from`. */
  tail?: number | null
  /** A cursor; takes precedence over both. */
  after?: string | null
}

/** The position to follow from. @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED. */
export async function startOf(
  db: Queries,
  stream: Stream,
  { types, from, tail, after }: FollowRequest,
): Promise<number> {
  if (after != null) return await positionOf(db, stream, after, { types, side: 'NEWER' })
  if (tail != null) return await beforeNewest(db, stream, tail, types)
  return from === 'NOW' ? stream.head : stream.first - 1
}

// Without a filter, a rank is a position; with one, marks lead to the n-th newest event.
async function beforeNewest(
  db: Queries,
  { id, first, head }: Stream,
  count: number,
  types: FollowRequest['types'],
): Promise<number> {
  if (count === 0) return head
  if (!types?.length) return Math.max(first - 1, head - count)
  const wanted = [...new Set(types)]
  const rows = await db.$queryRaw<{ seq: bigint | null }[]>`
    SELECT event_seek(${id}::uuid, ${wanted}::text[], greatest(
             event_rank(${id}::uuid, ${wanted}::text[], ${head}) - ${count}::bigint,
             (SELECT coalesce(sum(c.removed), 0) FROM event_count c
               WHERE c.stream_id = ${id}::uuid AND c.type = ANY (${wanted}::text[]))::bigint) + 1) AS seq`
  const seq = rows[0]?.seq
  // None is kept, or retention has removed what was at the head.
  return seq == null ? head : Math.min(head, Number(seq) - 1)
}
