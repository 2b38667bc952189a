import pRetry from 'p-retry'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { isTransient } from '../../db/transient-errors.ts'
import { CodedError } from '../../errors.ts'
import type { NewEvent } from '../event.ts'
import { appendBatches, type ImportResult } from './append-batches.ts'
import { inDistinctBatches } from './distinct-batches.ts'

/** Retries for up to 2 minutes, in milliseconds: only the operator waits for an import. */
const RETRIES = { retries: 200, minTimeout: 100, maxTimeout: 2_000, maxRetryTime: 120_000 }

export interface PastEvent extends NewEvent {
  createdAt: Date
}

/**
 * Appends with original times, to the millisecond. An event older than its stream's newest, or in the future, is
 * OUT_OF_ORDER and not stored; a known id is DUPLICATE or CONFLICT at any time. @throws CodedError NOT_FOUND (stream).
 * @param db a client that does not retry.
 */
export function importEvents(
  db: PrismaClient,
  streamId: string,
  events: readonly PastEvent[],
): Promise<ImportResult[]> {
  return inDistinctBatches(events, async (round) => {
    const batch = { streamId, events: round, times: round.map(({ createdAt }) => createdAt) }
    return pRetry(
      async () => {
        const [results = 'HELD'] = await appendBatches(db, [batch])
        if (results === 'NO_STREAM') throw new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
        if (results === 'HELD') throw new Held(`Stream ${streamId} is locked by another transaction.`)
        return results
      },
      { ...RETRIES, shouldRetry: ({ error }) => isTransient(error) || error instanceof Held },
    )
  })
}

class Held extends Error {}
