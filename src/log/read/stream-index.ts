import type { PrismaClient, StreamKind } from '../../db/generated/prisma/client.ts'
import { retryTransient } from '../../db/retry-transient.ts'
import { batchLookups, type Lookup } from '../../lib/batched-lookup.ts'
import type { Bounds } from '../cursor.ts'

/** What rights, reads and followers of a stream depend on, as one statement saw it. */
export interface Stream extends Bounds {
  readonly id: string
  readonly organizationId: string
  readonly kind: StreamKind
  readonly redactions: number
}

/** A caller's client, and the index that all callers share. */
export interface Reads {
  readonly db: PrismaClient
  readonly findStream: Lookup<Stream>
}

/** At once, fewer than the connections of its client: key lookups use it too, and do not wait for slow streams. */
const BATCHES = { atOnce: 2, keys: 500 } as const

/**
 * Looks streams up for all requests that wait, in one statement: a few index probes, without a slot of the caller's.
 * The idea is ReadIndex of etcd: a read that began after it sees all that was acknowledged before.
 * @param db a client without other load.
 */
export function createStreamIndex(db: PrismaClient): Lookup<Stream> {
  return batchLookups(async (ids) => {
    const streams = await retryTransient(() => readStreams(db, ids))
    return new Map(streams.map((stream) => [stream.id, stream]))
  }, BATCHES)
}

/** Those of the streams that exist, in any order. */
export async function readStreams(db: PrismaClient, ids: readonly string[]): Promise<Stream[]> {
  const rows = await db.$queryRaw<Row[]>`
    SELECT s.id, s.organization_id AS "organizationId", s.kind::text AS kind, s.redactions,
           s.first, s.head, coalesce(e.id, 0) AS epoch
      FROM stream s LEFT JOIN epoch e ON e.number = s.epoch_number WHERE s.id = ANY (${ids}::uuid[])`
  return rows.map(toStream)
}

interface Row extends Omit<Stream, keyof Bounds> {
  readonly first: bigint
  readonly head: bigint
  readonly epoch: bigint
}

function toStream({ first, head, epoch, ...row }: Row): Stream {
  return { ...row, first: Number(first), head: Number(head), epoch: Number(epoch) }
}
