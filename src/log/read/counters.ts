import { Prisma, type PrismaClient } from '../../db/generated/prisma/client.ts'
import type { Range } from './range.ts'

export interface Counts {
  first: number
  head: number
  byType: Map<string, { kept: number; removed: number }>
}

interface Row {
  first: bigint
  head: bigint
  type: string | null
  n: bigint | null
  removed: bigint | null
}

/** Types with kept events, in byte order, and the events removed before; from counters, none for an unknown stream. */
export async function countTypes(db: PrismaClient, streamId: string): Promise<Counts> {
  const rows = await db.$queryRaw<Row[]>`
    SELECT s.first, s.head, c.type, c.n, c.removed
      FROM stream s LEFT JOIN event_count c ON c.stream_id = s.id WHERE s.id = ${streamId}::uuid`
  const counts = rows
    .map(({ type, n, removed }) => [type, { kept: Number(n) - Number(removed), removed: Number(removed) }] as const)
    .filter((count): count is [string, { kept: number; removed: number }] => count[0] !== null && count[1].kept > 0)
  const { first = 1, head = 0 } = rows[0] ?? {}
  const byType = new Map(counts.sort(([a], [b]) => (a < b ? -1 : 1)))
  return { first: Number(first), head: Number(head), byType }
}

/** Number of events in a range of any length, from at most 64 index entries per type. */
export async function countRange(db: PrismaClient, { streamId, types, low, high }: Range): Promise<number> {
  if (high - low <= 1) return 0
  if (!types) return high - low - 1
  const rank = (seq: number) => Prisma.sql`event_rank(${streamId}::uuid, ${types}::text[], ${seq})`
  const rows = await db.$queryRaw<{ n: bigint }[]>`SELECT ${rank(high - 1)} - ${rank(low)} AS n`
  return Number(rows[0]?.n)
}
