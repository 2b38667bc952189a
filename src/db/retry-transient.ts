import pRetry from 'p-retry'
import { isTransient } from './transient-errors.ts'

/** Pauses between attempts, in milliseconds, doubling: 1.5 s in all, as long as a failover to a ready copy may take. */
const RETRIES = { retries: 5, minTimeout: 50, factor: 2, randomize: true, maxRetryTime: 1_500 }

/**
 * Repeats idempotent work while it fails with a transient error of the database. Applied once to each statement: by the
 * clients of callers, or by the users of a shared client. Only followers and imports, which survive an outage, retry
 * beyond it.
 */
export async function retryTransient<Result>(work: () => Promise<Result>): Promise<Result> {
  const began = performance.now()
  try {
    return await work()
  } catch (error) {
    // The first attempt counts: one that took as long as a statement may is not repeated.
    const maxRetryTime = RETRIES.maxRetryTime - (performance.now() - began)
    if (!isTransient(error) || maxRetryTime <= 0) throw error
    // What usually succeeds does without the library: it counts for a short statement.
    const again = (attempt: number) => (attempt === 1 ? Promise.reject(error) : work())
    return await pRetry(again, { ...RETRIES, maxRetryTime, shouldRetry: ({ error }) => isTransient(error) })
  }
}
