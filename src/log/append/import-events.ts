import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { ImportResult } from './append-batches.ts'
import { appendInPlace } from './append-in-place.ts'
import { appendPast, type PastEvent, retried } from './append-past.ts'
import { inDistinctBatches } from './distinct-batches.ts'

/**
 * What an event that cannot be stored means: SKIP it; STOP before it; or KEEP positions, which also stops before an
 * event that would not get its own `seq`, in a stream that `moveStream` has prepared.
 */
export type ImportMode = 'SKIP' | 'STOP' | 'KEEP'

/**
 * Appends with original times, to the millisecond. An event older than its stream's newest, or in the future, is
 * OUT_OF_ORDER and not stored; a known id is DUPLICATE or CONFLICT at any time. @throws CodedError NOT_FOUND (stream).
 * @returns a result per event, in order; unless `mode` is SKIP, up to the first that is not stored.
 * @param db a client that does not retry.
 */
export async function importEvents(
  db: PrismaClient,
  streamId: string,
  events: readonly PastEvent[],
  mode: ImportMode,
): Promise<ImportResult[]> {
  if (mode === 'SKIP') return inDistinctBatches(events, (round) => retried(() => appendPast(db, streamId, round)))
  const results: ImportResult[] = []
  for (const run of distinctRuns(events)) {
    results.push(...(await appendUpToRejected(db, streamId, run, mode)))
    if (results.some(isRejected)) break
  }
  return results
}

/** Whether an event is not stored, neither now nor before. */
export function isRejected({ outcome }: ImportResult): boolean {
  return outcome === 'CONFLICT' || outcome === 'OUT_OF_ORDER' || outcome === 'MISPLACED'
}

// In order, unlike `inDistinctBatches`: nothing after the first rejected event may be stored.
function* distinctRuns(events: readonly PastEvent[]): Generator<PastEvent[]> {
  let run = new Map<string, PastEvent>()
  for (const event of events) {
    if (run.has(event.id)) {
      yield [...run.values()]
      run = new Map()
    }
    run.set(event.id, event)
  }
  if (run.size > 0) yield [...run.values()]
}

// `append_to_streams` stores what follows a rejected event: that is undone, and what precedes it is stored alone.
async function appendUpToRejected(
  db: PrismaClient,
  streamId: string,
  events: readonly PastEvent[],
  mode: 'STOP' | 'KEEP',
): Promise<ImportResult[]> {
  let rejected: ImportResult[] = []
  for (let stored = events; stored.length > 0; ) {
    const results = await appendAllOrNone(db, streamId, stored, mode)
    const end = results.findIndex(isRejected)
    if (end === -1) return [...results, ...rejected]
    rejected = results.slice(end, end + 1)
    stored = stored.slice(0, end)
  }
  return rejected
}

async function appendAllOrNone(
  db: PrismaClient,
  streamId: string,
  events: readonly PastEvent[],
  mode: 'STOP' | 'KEEP',
): Promise<ImportResult[]> {
  const append = mode === 'KEEP' ? appendInPlace : appendPast
  try {
    return await retried(() =>
      db.$transaction(async (transaction) => {
        const results = await append(transaction, streamId, events)
        if (results.some(isRejected)) throw new Rejected(results)
        return results
      }),
    )
  } catch (error) {
    if (error instanceof Rejected) return error.results
    throw error
  }
}

class Rejected extends Error {
  readonly results: ImportResult[]

  constructor(results: ImportResult[]) {
    super('An event cannot be stored.')
    this.results = results
  }
}
