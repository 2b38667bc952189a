import pRetry from 'p-retry'
import type { Queries } from '../../db/queries.ts'
import { isLockTimeout, isTransient } from '../../db/transient-errors.ts'
import { CodedError } from '../../errors.ts'
import type { NewEvent } from '../event.ts'
import { appendBatches, type ImportResult } from './append-batches.ts'

/** Retries for up to 2 minutes, in milliseconds: only the operator waits for an import. */
const RETRIES = { retries: 200, minTimeout: 100, maxTimeout: 2_000, maxRetryTime: 120_000 }

export interface PastEvent extends NewEvent {
  createdAt: Date
  seq?: number
  redactedAt?: Date
}

/** Appends events with distinct ids and own times. @throws CodedError NOT_FOUND (stream), or what `retried` retries. */
export async function appendPast(db: Queries, streamId: string, events: readonly PastEvent[]): Promise<ImportResult[]> {
  const batch = { streamId, events, times: events.map(({ createdAt }) => createdAt) }
  const [results = 'HELD'] = await appendBatches(db, [batch])
  if (results === 'NO_STREAM') throw new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
  if (results === 'HELD') throw new Held(streamId)
  return results
}

/** Runs work again while the database is unavailable or another transaction holds the stream. */
export function retried<Result>(work: () => Promise<Result>): Promise<Result> {
  return pRetry(work, { ...RETRIES, shouldRetry: ({ error }) => isTransient(error) || error instanceof Held })
}

/** Runs work again while the database is unavailable, but not while others keep something locked. */
export function retriedInOutage<Result>(work: () => Promise<Result>): Promise<Result> {
  return pRetry(work, { ...RETRIES, shouldRetry: ({ error }) => isTransient(error) && !isLockTimeout(error) })
}

class Held extends CodedError {
  constructor(streamId: string) {
    super('UNAVAILABLE', `Stream ${streamId} is locked by another transaction.`)
  }
}
