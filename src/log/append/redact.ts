import type { Prisma, PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import type { LoggedEvent } from '../event.ts'
import { readRange } from '../read/range.ts'

/** The event of a stream that has this id, if it is kept. */
export async function findEvent(db: PrismaClient, streamId: string, id: string): Promise<LoggedEvent | undefined> {
  const row = await db.event.findUnique({ where: { streamId_id: { streamId, id } }, select: { seq: true } })
  if (!row) return undefined
  const seq = Number(row.seq)
  const { events } = await readRange(db, { streamId, low: seq - 1, high: seq + 1 }, 'ASC', { events: 1, bytes: 1 })
  return events[0]
}

/** Does work in a transaction. */
export type Transact = (work: (transaction: Prisma.TransactionClient) => Promise<object>) => Promise<object>

/** Puts the payload that an event of an organization is to have in the place of the one it has. */
export async function replacePayload(
  transaction: Prisma.TransactionClient,
  organizationId: string,
  event: LoggedEvent,
): Promise<LoggedEvent> {
  const { streamId, seq, data, redactedAt } = event
  // Whoever keeps payloads in memory learns by this that some are not to be used any longer.
  const { first } = await transaction.stream.update({
    where: { organizationId_id: { organizationId, id: streamId } },
    data: { redactions: { increment: 1 } },
  })
  const { count } = await transaction.event.updateMany({
    where: { streamId, seq: { equals: seq, gte: first } },
    data: { data, redactedAt },
  })
  // It was there, and has been removed since.
  if (count === 0) throw new CodedError('NOT_FOUND', `The event ${event.id} is no longer kept.`)
  return event
}
