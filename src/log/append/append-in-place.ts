import type { Prisma } from '../../db/generated/prisma/client.ts'
import type { ImportResult } from './append-batches.ts'
import { appendPast, type PastEvent } from './append-past.ts'

/** For a stream from `moveStream`. @returns MISPLACED for events that lack their own `seq`: the caller rolls back. */
export async function appendInPlace(
  transaction: Prisma.TransactionClient,
  streamId: string,
  events: readonly PastEvent[],
): Promise<ImportResult[]> {
  const stream = await transaction.stream.findUnique({ where: { id: streamId }, select: { first: true } })
  // What retention has removed here is stored no second time.
  const isRemoved = ({ seq }: PastEvent) => seq !== undefined && seq < Number(stream?.first ?? 0)
  const kept = events.filter((event) => !isRemoved(event))
  const appended = kept.length > 0 ? await appendPast(transaction, streamId, kept) : []
  if (appended.some(({ outcome }) => outcome === 'RECORDED')) {
    await transaction.$queryRaw`SELECT keep_epochs(${streamId}::uuid)`
    // Those that are here already stay as they are, also in the memory of servers.
    const recorded = kept.filter((_, i) => appended[i]?.outcome === 'RECORDED')
    await markRedacted(transaction, streamId, recorded)
  }
  const results = new Map(kept.map((event, i) => [event, placed(event, appended[i] as ImportResult)]))
  return events.map((event) => results.get(event) ?? { id: event.id, outcome: 'REMOVED' })
}

function placed({ seq }: PastEvent, result: ImportResult): ImportResult {
  if (!('seq' in result) || result.outcome === 'CONFLICT' || result.seq === seq) return result
  return { id: result.id, outcome: 'MISPLACED', seq: result.seq }
}

// A redacted event takes retries with its former content as duplicates.
async function markRedacted(
  transaction: Prisma.TransactionClient,
  streamId: string,
  events: readonly PastEvent[],
): Promise<void> {
  const redacted = events.filter(({ seq, redactedAt }) => seq !== undefined && redactedAt !== undefined)
  if (redacted.length === 0) return
  // One statement, as each is a round trip while the stream is locked.
  await transaction.$executeRaw`
    UPDATE event e SET redacted_at = n.at
      FROM unnest(${redacted.map(({ seq }) => String(seq))}::text[]::bigint[],
                  ${redacted.map(({ redactedAt }) => redactedAt?.toISOString())}::text[]::timestamptz[]) AS n(seq, at)
     WHERE e.stream_id = ${streamId}::uuid AND e.seq = n.seq`
}
