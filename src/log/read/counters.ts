import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import type { Bounds } from '../cursor.ts'
import type { Range } from './range.ts'
import type { Reads, Stream } from './stream-index.ts'
import { VERSION } from './version.ts'

/** The number of events per type in a state of a stream. */
export interface Counts extends Bounds {
  readonly redactions: number
  readonly version: string
  readonly byType: ReadonlyMap<string, { readonly kept: number; readonly removed: number }>
}

interface Row {
  first: bigint
  head: bigint
  epoch: bigint
  redactions: number
  version: string
  type: string | null
  n: bigint | null
  removed: bigint | null
}

/** From counters: types with kept events, in byte order, and how many were removed; undefined for an unknown stream. */
export async function countTypes({ db, cache }: Reads, stream: Stream): Promise<Counts | undefined> {
  const { id, version, first, head } = stream
  const known = cache.counts.get(id)
  if (known?.version === version && known.first === first && known.head === head) return known
  const counts = await cache.counting.run(db, `${id} ${version} ${first} ${head}`, () => readCounts(db, id))
  if (counts) cache.counts.set(id, counts)
  return counts
}

async function readCounts(db: Queries, streamId: string): Promise<Counts | undefined> {
  const rows = await db.$queryRaw<Row[]>`
    SELECT s.first, s.head, coalesce(e.id, 0) AS epoch, s.redactions, ${VERSION} AS version, c.type, c.n, c.removed
      FROM stream s LEFT JOIN epoch e ON e.number = s.epoch_number LEFT JOIN event_count c ON c.stream_id = s.id
     WHERE s.id = ${streamId}::uuid`
  const [row] = rows
  if (!row) return undefined
  const counts = rows
    .map(({ type, n, removed }) => [type, { kept: Number(n) - Number(removed), removed: Number(removed) }] as const)
    .filter((count): count is [string, { kept: number; removed: number }] => count[0] !== null && count[1].kept > 0)
  const { first, head, epoch, redactions, version } = row
  const byType = new Map(counts.sort(([a], [b]) => (a < b ? -1 : 1)))
  return { first: Number(first), head: Number(head), epoch: Number(epoch), redactions, version, byType }
}

/** Number of events in a range of any length, from at most 64 index entries per type. */
export async function countRange(db: Queries, { streamId, types, low, high }: Range): Promise<number> {
  if (high - low <= 1) return 0
  if (!types) return high - low - 1
  const rank = (seq: number) => Prisma.sql`event_rank(${streamId}::uuid, ${types}::text[], ${seq})`
  const rows = await db.$queryRaw<{ n: bigint }[]>`SELECT ${rank(high - 1)} - ${rank(low)} AS n`
  return Number(rows[0]?.n)
}
