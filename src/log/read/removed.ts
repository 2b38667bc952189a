import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'

/** What a reader wants from a position on; `types` are stored names, absent or empty for all. */
export interface Wanted {
  readonly types?: readonly string[] | null
  readonly side: 'NEWER' | 'OLDER'
}

/** Whether retention has removed events that a reader wants from a position on. @param seq before a removed event. */
export async function hasRemoved(
  db: Queries,
  streamId: string,
  seq: number,
  { types, side }: Wanted,
): Promise<boolean> {
  if (!types?.length) return true
  // Where the first event of a type was is not stored, so a reader of older ones may miss any that was removed.
  const missed = side === 'NEWER' ? Prisma.sql`last_removed > ${seq}` : Prisma.sql`removed > 0`
  const unknown = side === 'NEWER' ? Prisma.sql`moved_from > ${seq + 1}` : Prisma.sql`moved_from > 1`
  // Of events that were removed before a move, the types are unknown.
  const rows = await db.$queryRaw<object[]>`
    SELECT 1 FROM event_count
     WHERE stream_id = ${streamId}::uuid AND type = ANY (${types}::text[]) AND ${missed}
    UNION ALL SELECT 1 FROM stream WHERE id = ${streamId}::uuid AND ${unknown} LIMIT 1`
  return rows.length > 0
}
