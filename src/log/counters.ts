import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import type { Range } from './range.ts'

/** How many events of each type a stream holds, in byte order of the types. Reads counters only, never an event. */
export async function countTypes(db: PrismaClient, streamId: string): Promise<Map<string, number>> {
  const rows = await db.eventCount.findMany({ where: { streamId } })
  const counts = rows.map(({ type, n }) => [type, Number(n)] as const)
  return new Map(counts.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** How many events the range holds. Reads at most 64 index entries a type, however long the range is. */
export async function countRange(db: PrismaClient, { streamId, types, low, high }: Range): Promise<number> {
  if (high - low <= 1) return 0
  if (!types) return high - low - 1
  const rank = (seq: number) => Prisma.sql`event_rank(${streamId}::uuid, ${types}::text[], ${seq})`
  const rows = await db.$queryRaw<{ n: bigint }[]>`SELECT ${rank(high - 1)} - ${rank(low)} AS n`
  return Number(rows[0]?.n)
}
