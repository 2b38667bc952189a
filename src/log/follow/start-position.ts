import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { positionOf } from '../cursor.ts'
import type { FollowOptions } from './follower.ts'

export interface FollowRequest extends Omit<FollowOptions, 'after' | 'head'> {
  from: 'BEGINNING' | 'NOW'
  /** A cursor; takes precedence over `from`. */
  after?: string | null
}

/** Start position and head. @throws CodedError NOT_FOUND (unknown stream), CURSOR_INVALID or CURSOR_EXPIRED. */
export async function startOf(
  db: PrismaClient,
  streamId: string,
  { from, after }: FollowRequest,
): Promise<{ head: number; after: number }> {
  const stream = await db.stream.findUnique({ where: { id: streamId }, select: { first: true, head: true } })
  if (!stream) throw new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
  const bounds = { first: Number(stream.first), head: Number(stream.head) }
  const { first, head } = bounds
  if (after == null) return { head, after: from === 'NOW' ? head : first - 1 }
  return { head, after: positionOf(streamId, after, bounds) }
}
