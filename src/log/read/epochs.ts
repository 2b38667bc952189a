import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'
import { CodedError } from '../../errors.ts'
import { ANY_EPOCH, type Bounds, cursorExpired, decodeCursor, historyChanged, NO_EPOCH } from '../cursor.ts'
import { hasRemoved, type Wanted } from './removed.ts'
import type { Stream } from './stream-index.ts'

/**
 * The last position that the present history of a stream shares with what a reader saw in an epoch, at most `head`.
 * Like the leader epochs of Kafka (KIP-320): an epoch ends where a later one began to append. Cursors without an epoch
 * count up to the end of the first one, in which servers of an older version still make some during an upgrade.
 * @returns undefined when this database never had that epoch.
 */
export async function lastShared(
  db: Queries,
  streamId: string,
  epoch: number,
  { head, epoch: present }: Omit<Bounds, 'first'>,
): Promise<number | undefined> {
  if (epoch === present || epoch === ANY_EPOCH) return head
  const rows = await db.$queryRaw<{ number: number | null; next: bigint | null }[]>`
    SELECT k.number, (SELECT min(s.start) FROM stream_epoch s
                       WHERE s.stream_id = ${streamId}::uuid AND s.epoch_number > k.number) AS next
      FROM (SELECT CASE WHEN ${epoch} = ${NO_EPOCH} THEN coalesce((SELECT min(e.number) FROM epoch e), 0)
                   ELSE (
              SELECT e.number FROM epoch e
               WHERE e.id = ${epoch} AND (NOT e.moved OR EXISTS (
                 SELECT FROM stream_epoch m WHERE m.stream_id = ${streamId}::uuid AND m.epoch_number = e.number)))
                 END) k(number)`
  const row = rows[0]
  if (row?.number == null) return undefined
  return row.next === null ? head : Math.min(head, Number(row.next) - 1)
}

/** The seq of a cursor from which all that is wanted is kept. @throws CodedError CURSOR_INVALID, CURSOR_EXPIRED. */
export async function positionOf(db: Queries, stream: Stream, cursor: string, wanted: Wanted): Promise<number> {
  const { seq, epoch } = decodeCursor(stream.id, cursor)
  if (epoch === ANY_EPOCH && seq > stream.head) throw beyondHead()
  const shared = await lastShared(db, stream.id, epoch, stream)
  if (shared === undefined || seq > shared) throw historyChanged(stream.id, stream, shared)
  if (seq < stream.first - 1 && (await hasRemoved(db, stream.id, seq, wanted))) throw cursorExpired(stream.id, stream)
  return seq
}

function beyondHead(): CodedError {
  return new CodedError('CURSOR_INVALID', 'This cursor is past the newest event of its stream. Omit it to start over.')
}

/** The ids of all epochs of this database, oldest first. */
export async function epochIds(db: PrismaClient): Promise<number[]> {
  const epochs = await db.epoch.findMany({ select: { id: true }, orderBy: { number: 'asc' } })
  return epochs.map(({ id }) => Number(id))
}

/** Begins a new epoch, after a restore that the database cannot notice by itself. @returns its number. */
export async function beginEpoch(db: PrismaClient): Promise<number> {
  const rows = await db.$queryRaw<{ number: number }[]>`SELECT restore_epoch() AS number`
  return Number(rows[0]?.number)
}
