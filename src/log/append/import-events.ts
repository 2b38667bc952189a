import pRetry from 'p-retry'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { isTransient } from '../../db/transient-errors.ts'
import { CodedError } from '../../errors.ts'
import type { NewEvent } from '../event.ts'
import { appendBatches, type TimedResult } from './append-batches.ts'
import { inDistinctBatches } from './distinct-batches.ts'

/** How long what fails for the moment is tried again, in milliseconds: nobody waits for an import but the one who runs it. */
const RETRIES = { retries: 200, minTimeout: 100, maxTimeout: 2_000, maxRetryTime: 120_000 }

/** An event that has happened already, elsewhere. */
export interface PastEvent extends NewEvent {
  /** When; kept to the millisecond. */
  createdAt: Date
}

/**
 * Appends events with the times that they had elsewhere. Times may not run backwards in a stream: an event that is older than the
 * newest of its stream, or of the future, is OUT_OF_ORDER and not stored; the others are. One that the stream has already is
 * a DUPLICATE, or a CONFLICT, whatever its time.
 * @throws CodedError NOT_FOUND for an unknown stream.
 */
export function importEvents(db: PrismaClient, streamId: string, events: readonly PastEvent[]): Promise<TimedResult[]> {
  return inDistinctBatches(events, async (round) => {
    const batch = { streamId, events: round, times: round.map(({ createdAt }) => createdAt) }
    return pRetry(
      async () => {
        const [results = 'HELD'] = await appendBatches(db, [batch])
        if (results === 'NO_STREAM') throw new CodedError('NOT_FOUND', `There is no stream ${streamId}.`)
        if (results === 'HELD') throw new Held(`Somebody else holds stream ${streamId}.`)
        return results
      },
      { ...RETRIES, shouldRetry: ({ error }) => isTransient(error) || error instanceof Held },
    )
  })
}

class Held extends Error {}
