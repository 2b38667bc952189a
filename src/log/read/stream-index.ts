import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { isTransient } from '../../db/transient-errors.ts'
import { batchLookups, type Lookup } from '../../lib/batched-lookup.ts'
import type { Bounds } from '../cursor.ts'

/** What rights and reads of a stream depend on, as one statement saw it. */
export interface Stream extends Bounds {
  /** Also the id of its dataset or report. */
  readonly id: string
  readonly organizationId: string
  readonly kind: 'DATASET' | 'REPORT'
}

/** A caller's client, and the index that all callers share. */
export interface Reads {
  readonly db: PrismaClient
  readonly findStream: Lookup<Stream>
}

const BATCHES = { atOnce: 2, keys: 500 } as const

/**
 * Looks streams up for all requests that wait, in one statement: a few index probes, without a slot of the caller's.
 * The idea is ReadIndex of etcd: a read that began after it sees all that was acknowledged before.
 * @param db a client without other load.
 */
export function createStreamIndex(db: PrismaClient): Lookup<Stream> {
  const ask = (ids: readonly string[]) => db.$queryRaw<Row[]>`
    SELECT id, organization_id AS "organizationId", kind::text AS kind, first, head
      FROM stream WHERE id = ANY (${ids}::uuid[])`
  return batchLookups(async (ids) => {
    // Retries once: a connection that broke while idle fails on its next statement.
    const rows = await ask(ids).catch((error) => (isTransient(error) ? ask(ids) : Promise.reject(error)))
    return new Map(rows.map((row) => [row.id, { ...row, first: Number(row.first), head: Number(row.head) }]))
  }, BATCHES)
}

interface Row extends Omit<Stream, 'first' | 'head'> {
  readonly first: bigint
  readonly head: bigint
}
