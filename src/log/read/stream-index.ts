import { Prisma, type StreamKind } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { retryTransient } from '../../db/retry-transient.ts'
import { CodedError } from '../../errors.ts'
import { batchLookups } from '../../lib/batched-lookup.ts'
import type { Bounds } from '../cursor.ts'
import type { ReadCache } from './read-cache.ts'
import { VERSION } from './version.ts'

/** What rights, reads and followers of a stream depend on, as one statement saw it. */
export interface Stream extends Bounds {
  readonly id: string
  readonly organizationId: string
  readonly kind: StreamKind
  readonly redactions: number
  /** Of its kept events: see `VERSION`. */
  readonly version: string
  /** Who it was found for. */
  readonly reader?: string
}

/** A caller's client, and the index and the cache that all callers share. */
export interface Reads {
  readonly db: Queries
  readonly findStream: FindStream
  readonly cache: ReadCache
}

/** At once, fewer than the connections of its client: key lookups use it too, and do not wait for slow streams. */
const BATCHES = { atOnce: 2, keys: 500 } as const

/** The stream as of this call or later. @throws CodedError UNAUTHENTICATED if the reader may not read by then. */
export type FindStream = (id: string, reader?: string) => Promise<Stream | undefined>

/**
 * Looks streams up for all requests that wait, in one statement: a few index probes, without a slot of the caller's.
 * The idea is ReadIndex of etcd: a read that began after it sees all that was acknowledged before. The same statement
 * checks the rights of readers, so none that has lost them sees what happened later.
 * @param db without other load. @param mayRead condition for the id of a reader, `asked.reader`.
 */
export function createStreamIndex(db: Queries, mayRead: Prisma.Sql): FindStream {
  const find = batchLookups(async (questions) => {
    const asked = questions.map((question) => question.split(' '))
    const found = await retryTransient(() => readAsked(db, asked, mayRead))
    return new Map(found.map((each) => [`${each.asked} ${each.reader ?? ''}`, each]))
  }, BATCHES)
  return async (id, reader) => {
    const found = await find(`${id} ${reader ?? ''}`)
    if (found && !found.mayRead) throw new CodedError('UNAUTHENTICATED', 'The API key is no longer valid.')
    return found?.id == null ? undefined : { ...toStream(found as Row), reader }
  }
}

interface Asked {
  readonly asked: string
  readonly reader: string | null
  readonly mayRead: boolean
}

async function readAsked(db: Queries, asked: readonly string[][], mayRead: Prisma.Sql) {
  const ids = asked.map(([id]) => id)
  const readers = asked.map(([, reader]) => reader || null)
  return await db.$queryRaw<(Asked & (Row | { id: null }))[]>`
    SELECT asked.id AS asked, asked.reader, asked.reader IS NULL OR ${mayRead} AS "mayRead", found.*
      FROM unnest(${ids}::uuid[], ${readers}::uuid[]) AS asked (id, reader)
      LEFT JOIN LATERAL (SELECT ${COLUMNS} FROM ${STREAMS} WHERE s.id = asked.id LIMIT 1) found ON true`
}

/** Those of the streams that exist, in any order. */
export async function readStreams(db: Queries, ids: readonly string[]): Promise<Stream[]> {
  const rows = await db.$queryRaw<Row[]>`SELECT ${COLUMNS} FROM ${STREAMS} WHERE s.id = ANY (${ids}::uuid[])`
  return rows.map(toStream)
}

/** Those of the streams that are not as they are known, or do not exist. */
export async function changedStreams(
  db: Queries,
  known: readonly Pick<Stream, 'id' | 'head' | 'epoch' | 'redactions'>[],
): Promise<string[]> {
  const [ids, heads] = [known.map(({ id }) => id), known.map(({ head }) => head)]
  const [epochs, redactions] = [known.map(({ epoch }) => epoch), known.map(({ redactions }) => redactions)]
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT known.id
      FROM unnest(${ids}::uuid[], ${heads}::bigint[], ${epochs}::bigint[], ${redactions}::int[])
        AS known (id, head, epoch, redactions)
      LEFT JOIN LATERAL (SELECT s.head, coalesce(e.id, 0) AS epoch, s.redactions
                           FROM ${STREAMS} WHERE s.id = known.id LIMIT 1) found ON true
     WHERE (found.head, found.epoch, found.redactions)
           IS DISTINCT FROM (known.head, known.epoch, known.redactions)`
  return rows.map(({ id }) => id)
}

const STREAMS = Prisma.sql`stream s LEFT JOIN epoch e ON e.number = s.epoch_number`
const COLUMNS = Prisma.sql`s.id, s.organization_id AS "organizationId", s.kind::text AS kind, s.redactions,
  ${VERSION} AS version, s.first, s.head, coalesce(e.id, 0) AS epoch`

interface Row extends Omit<Stream, keyof Bounds | 'reader'> {
  readonly first: bigint
  readonly head: bigint
  readonly epoch: bigint
}

function toStream({ id, organizationId, kind, redactions, version, first, head, epoch }: Row): Stream {
  const bounds = { first: Number(first), head: Number(head), epoch: Number(epoch) }
  return { id, organizationId, kind, redactions, version, ...bounds }
}
