import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { isLockTimeout } from '../../db/transient-errors.ts'
import type { Position } from '../cursor.ts'
import type { AppendResult, NewEvent } from '../event.ts'

/** Events of one stream, with distinct ids, in the order in which they get their positions. */
export interface Batch {
  streamId: string
  events: readonly NewEvent[]
  /** Original time of each event; absent: now. All batches of a call have times, or none has. */
  times?: readonly Date[]
}

export interface Writers {
  readonly ids: readonly string[]
  readonly may: Prisma.Sql
}

/** REMOVED: it was stored, and retention has removed it. MISPLACED: it has, or would get, the position `seq`. */
export type ImportResult =
  | AppendResult
  | { id: string; outcome: 'OUT_OF_ORDER' | 'REMOVED' }
  | { id: string; outcome: 'MISPLACED'; seq: number }

interface AppendRow {
  heads: (bigint | null)[] | null
  held: number[] | null
  known_position: number[] | null
  known_seq: bigint[] | null
  known_same: boolean[] | null
  refused_position: number[] | null
  epoch: bigint | null
  denied?: string[]
}

/** One result per event, in order, or why nothing of the batch is stored. */
export type BatchResult = ImportResult[] | 'NO_STREAM' | 'HELD'

/** Some of the writers may not, or no longer: nothing is stored. */
export class DeniedError extends Error {
  override name = 'DeniedError'
  readonly writers: ReadonlySet<string>

  constructor(writers: readonly string[]) {
    super('An append is not permitted.')
    this.writers = new Set(writers)
  }
}

/**
 * Appends batches of distinct streams in one transaction, all new events or none; skips unknown or locked streams.
 * @param writers absent: nobody needs a right. @throws DeniedError
 */
export async function appendBatches(db: Queries, batches: readonly Batch[], writers?: Writers): Promise<BatchResult[]> {
  const rows = await whileHeld(db.$queryRaw<AppendRow[]>(statement(batches, writers)))
  if (rows === 'HELD') return batches.map(() => 'HELD')
  const row = rows[0]
  // The embedded database can drop a statement without an error: no row means no acknowledgement.
  if (!row) throw new Error('An append returned no result.')
  if (row.denied && row.denied.length > 0) throw new DeniedError(row.denied)
  const notRecorded = notRecordedIn(batches, row)
  let position = 0
  return batches.map((batch, index) => {
    const first = position + 1
    position += batch.events.length
    const head = row.heads?.[index]
    if (row.held?.includes(index + 1)) return 'HELD'
    return head == null
      ? 'NO_STREAM'
      : number(batch.events, { seq: Number(head), epoch: Number(row.epoch) }, first, notRecorded)
  })
}

function statement(batches: readonly Batch[], writers: Writers | undefined): Prisma.Sql {
  const streams: string[] = []
  const of: number[] = []
  const ids: string[] = []
  const types: string[] = []
  const data: string[] = []
  const times: string[] = []
  for (const batch of batches) {
    streams.push(batch.streamId)
    for (const event of batch.events) {
      of.push(streams.length)
      ids.push(event.id)
      types.push(event.type)
      data.push(event.data)
    }
    for (const time of batch.times ?? []) times.push(time.toISOString())
  }
  const events = Prisma.sql`${of}::integer[], ${ids}::uuid[], ${types}::text[], ${data}::text[],
    ${times.length > 0 ? times : null}::timestamptz[]`
  if (!writers || writers.ids.length === 0)
    return Prisma.sql`SELECT * FROM append_to_streams(${streams}::uuid[], ${events})`
  // Without streams, nothing is appended, in whatever order the two are executed.
  return Prisma.sql`
    WITH writers AS MATERIALIZED (SELECT ARRAY(
      SELECT asked.reader::text FROM unnest(${[...writers.ids]}::uuid[]) AS asked (reader) WHERE NOT (${writers.may})
    ) AS denied)
    SELECT w.denied, a.* FROM writers w
     CROSS JOIN LATERAL append_to_streams(CASE WHEN w.denied = '{}' THEN ${streams}::uuid[] ELSE '{}' END, ${events}) a`
}

/** A call for a single stream waits briefly for its lock, then fails with a lock timeout. */
function whileHeld<Rows>(rows: Promise<Rows>): Promise<Rows | 'HELD'> {
  return rows.catch((error) => {
    if (isLockTimeout(error)) return 'HELD'
    throw error
  })
}

function notRecordedIn(batches: readonly Batch[], row: AppendRow): ReadonlyMap<number, ImportResult> {
  const { known_position, known_seq, known_same, refused_position } = row
  const results = new Map<number, ImportResult>()
  if (!known_position && !refused_position) return results
  const events = batches.flatMap((batch) => batch.events)
  const epoch = Number(row.epoch)
  known_position?.forEach((position, i) => {
    const id = events[position - 1]?.id as string
    results.set(position, {
      id,
      seq: Number(known_seq?.[i]),
      outcome: known_same?.[i] ? 'DUPLICATE' : 'CONFLICT',
      epoch,
    })
  })
  for (const position of refused_position ?? [])
    results.set(position, { id: events[position - 1]?.id as string, outcome: 'OUT_OF_ORDER' })
  return results
}

function number(
  events: readonly NewEvent[],
  head: Position,
  first: number,
  notRecorded: ReadonlyMap<number, ImportResult>,
): ImportResult[] {
  const { epoch } = head
  let { seq } = head
  return events.map(({ id }, i) => notRecorded.get(first + i) ?? { id, seq: ++seq, outcome: 'RECORDED', epoch })
}
