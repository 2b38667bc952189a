import type { Prisma, PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import type { LoggedEvent } from '../event.ts'
import { type ReadBudget, readAt } from '../read/budgeted-read.ts'
import type { Prefix } from '../read/range.ts'

export async function findEvent(
  db: PrismaClient,
  streamId: string,
  id: string,
  prefix: Prefix,
  budget: ReadBudget,
): Promise<LoggedEvent | undefined> {
  const row = await db.event.findUnique({ where: { streamId_id: { streamId, id } }, select: { seq: true } })
  return row ? (await readAt(db, streamId, [Number(row.seq)], prefix, budget))[0] : undefined
}

/** Opens a transaction, which may do more than the work. */
export type Transact = (work: (transaction: Prisma.TransactionClient) => Promise<object>) => Promise<object>

/** Replaces the payload of an organization's event. @throws CodedError NOT_FOUND when it was removed meanwhile. */
export async function replacePayload(
  transaction: Prisma.TransactionClient,
  organizationId: string,
  event: LoggedEvent,
): Promise<LoggedEvent> {
  const { streamId, seq, data, redactedAt } = event
  // Signals that payloads held in memory may be redacted.
  const { first } = await transaction.stream.update({
    where: { organizationId_id: { organizationId, id: streamId } },
    data: { redactions: { increment: 1 } },
  })
  const { count } = await transaction.event.updateMany({
    where: { streamId, seq: { equals: seq, gte: first } },
    data: { data, redactedAt },
  })
  if (count === 0) throw new CodedError('NOT_FOUND', `Event ${event.id} is no longer kept.`)
  return event
}
