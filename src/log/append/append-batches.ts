import type { Prisma } from '../../db/generated/prisma/client.ts'
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

/** REMOVED: it was stored, and retention has removed it. MISPLACED: it has, or would get, the position `seq`. */
export type ImportResult =
  | AppendResult
  | { id: string; outcome: 'OUT_OF_ORDER' | 'REMOVED' }
  | { id: string; outcome: 'MISPLACED'; seq: number }

interface AppendRow {
  heads: (bigint | null)[]
  held: number[] | null
  known_position: number[] | null
  known_seq: bigint[] | null
  known_same: boolean[] | null
  refused_position: number[] | null
  epoch: bigint
}

/** One result per event, in order, or why nothing of the batch is stored. */
export type BatchResult = ImportResult[] | 'NO_STREAM' | 'HELD'

/** Appends batches of distinct streams in one transaction, all new events or none; skips unknown or locked streams. */
export async function appendBatches(
  db: Pick<Prisma.TransactionClient, '$queryRaw'>,
  batches: readonly Batch[],
): Promise<BatchResult[]> {
  const events = batches.flatMap(({ events }) => events)
  const streams = batches.flatMap(({ events }, index) => events.map(() => index + 1))
  const times = batches.flatMap(({ times }) => times?.map((time) => time.toISOString()) ?? [])
  const rows = await whileHeld(db.$queryRaw<AppendRow[]>`SELECT * FROM append_to_streams(
    ${batches.map(({ streamId }) => streamId)}::uuid[],
    ${streams}::integer[],
    ${events.map(({ id }) => id)}::uuid[],
    ${events.map(({ type }) => type)}::text[],
    ${events.map(({ data }) => data)}::text[],
    ${times.length > 0 ? times : null}::timestamptz[])`)
  if (rows === 'HELD') return batches.map(() => 'HELD')
  const row = rows[0]
  // The embedded database can drop a statement without an error: no row means no acknowledgement.
  if (!row) throw new Error('An append returned no result.')
  const notRecorded = notRecordedIn(events, row)
  let position = 0
  return batches.map((batch, index) => {
    const first = position + 1
    position += batch.events.length
    const head = row.heads[index]
    if (row.held?.includes(index + 1)) return 'HELD'
    return head == null
      ? 'NO_STREAM'
      : number(batch.events, { seq: Number(head), epoch: Number(row.epoch) }, first, notRecorded)
  })
}

/** A call for a single stream waits briefly for its lock, then fails with a lock timeout. */
function whileHeld<Rows>(rows: Promise<Rows>): Promise<Rows | 'HELD'> {
  return rows.catch((error) => {
    if (isLockTimeout(error)) return 'HELD'
    throw error
  })
}

function notRecordedIn(events: readonly NewEvent[], row: AppendRow): Map<number, ImportResult> {
  const { known_position, known_seq, known_same, refused_position } = row
  const epoch = Number(row.epoch)
  const results = new Map<number, ImportResult>()
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
