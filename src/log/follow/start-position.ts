import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { positionOf } from '../cursor.ts'
import type { FollowOptions } from './follower.ts'

/** What to follow, and from where: a cursor, or else the beginning or now. */
export interface FollowRequest extends Omit<FollowOptions, 'after' | 'head'> {
  from: 'BEGINNING' | 'NOW'
  /** A cursor; wins over `from`. */
  after?: string | null
}

/**
 * The position after which to begin, and the stream's head at this moment.
 * @throws CodedError NOT_FOUND for an unknown stream, CURSOR_INVALID or CURSOR_EXPIRED for a cursor that leads nowhere.
 */
export async function startOf(
  db: PrismaClient,
  streamId: string,
  { from, after }: FollowRequest,
): Promise<{ head: number; after: number }> {
  const stream = await db.stream.findUnique({ where: { id: streamId }, select: { first: true, head: true } })
  if (!stream) throw new CodedError('NOT_FOUND', `There is no stream ${streamId}.`)
  const bounds = { first: Number(stream.first), head: Number(stream.head) }
  const { first, head } = bounds
  if (after == null) return { head, after: from === 'NOW' ? head : first - 1 }
  return { head, after: positionOf(streamId, after, bounds) }
}
