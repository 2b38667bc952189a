import { Prisma, type StreamKind } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { statement } from '../../db/statement.ts'
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

/** Who appends, and to which kind of stream. Without a key: the root key of the settings, which needs no right. */
export interface Writer {
  readonly keyId: string | undefined
  readonly kind: StreamKind
}

export interface WriterOf extends Writer {
  readonly streamId: string
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
  // Indexes of writers, from 1.
  denied: number[] | null
  strangers: number[] | null
}

/** One result per event, in order, or why nothing of the batch is stored. */
export type BatchResult = ImportResult[] | 'NO_STREAM' | 'HELD'

/** Nothing is stored: some keys have no rights, or no longer; or streams are of another kind or organization. */
export class DeniedError extends Error {
  override name = 'DeniedError'
  readonly denied: readonly WriterOf[]
  readonly strangers: readonly WriterOf[]

  constructor(denied: readonly WriterOf[], strangers: readonly WriterOf[]) {
    super('An append is not permitted.')
    this.denied = denied
    this.strangers = strangers
  }
}

/**
 * Appends batches of distinct streams in one transaction, all new events or none; skips unknown or locked streams.
 * @param writers whose rights it checks. @throws DeniedError
 */
export async function appendBatches(
  db: Queries,
  batches: readonly Batch[],
  writers: readonly WriterOf[] = [],
): Promise<BatchResult[]> {
  const rows = await whileHeld(db.$queryRaw<AppendRow[]>(statementOf(batches, writers)))
  if (rows === 'HELD') return batches.map(() => 'HELD')
  const row = rows[0]
  // The embedded database can drop a statement without an error: no row means no acknowledgement.
  if (!row) throw new Error('An append returned no result.')
  checkWriters(row, writers)
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

function checkWriters({ denied, strangers }: AppendRow, writers: readonly WriterOf[]): void {
  if (!denied && !strangers) return
  const writersAt = (indexes: readonly number[] | null) =>
    (indexes ?? []).map((index) => writers[index - 1] as WriterOf)
  throw new DeniedError(writersAt(denied), writersAt(strangers))
}

const append = statement<
  [
    keys: (string | null)[],
    written: string[],
    kinds: string[],
    streams: string[],
    of: number[],
    ids: string[],
    types: string[],
    data: string[],
    times: string[] | null,
  ]
>(
  9,
  (keys, written, kinds, streams, of, ids, types, data, times) => Prisma.sql`
    SELECT * FROM append_permitted(${keys}::uuid[], ${written}::uuid[], ${kinds}::text[], ${streams}::uuid[],
      ${of}::integer[], ${ids}::uuid[], ${types}::text[], ${data}::text[], ${times}::timestamptz[])`,
)

function statementOf(batches: readonly Batch[], writers: readonly WriterOf[]): Prisma.Sql {
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
  const keys = writers.map(({ keyId }) => keyId ?? null)
  const written = writers.map(({ streamId }) => streamId)
  const kinds = writers.map(({ kind }) => kind)
  return append(keys, written, kinds, streams, of, ids, types, data, times.length > 0 ? times : null)
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
