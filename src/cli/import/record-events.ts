import type { ImportResult } from '../../log/append/append-batches.ts'
import { retriedInOutage } from '../../log/append/append-past.ts'
import { isRejected } from '../../log/append/import-events.ts'
import type { ImportItem, StreamItem } from './import-item.ts'
import type { ItemResult } from './import-summary.ts'
import type { ImportTarget } from './import-target.ts'

/** Batch limits in events and payload characters; the last event may exceed the latter. */
const BATCH = { events: 1_000, characters: 4_194_304 }

/** A rejected event more than this many milliseconds ahead of our clock is reported as in the future. */
const FUTURE_MS = 1_000

const BROKEN = 'An earlier event of the same stream was rejected, and positions can only be kept without gaps.'

type EventItem = Extract<ImportItem, { event: object }>

/** Appends events of a stream, by default up to the first that is rejected. @returns whether all are stored. */
export async function recordEvents(
  items: readonly StreamItem[],
  target: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<boolean> {
  const { streams, positions, keepGoing } = target
  let complete = true
  // Again after a rejected event in a stream that keeps its positions: then nothing can follow.
  let rest = items as readonly EventItem[]
  while (rest.length > 0 && (complete || keepGoing)) {
    const [{ kind, streamId }] = rest as [EventItem]
    const obstacle =
      positions.of(streamId) === 'BROKEN' ? BROKEN : await retriedInOutage(() => streams.prepare(kind, streamId))
    if (obstacle !== undefined) {
      const result = { outcome: 'REJECTED', reason: obstacle } as const
      for (const item of keepGoing ? rest : rest.slice(0, 1)) results.set(item, result)
      return false
    }
    // Events without positions are new, also after others that keep theirs.
    if (positions.of(streamId) === 'KEPT' && rest[0]?.event.seq === undefined) positions.set(streamId, 'OTHER')
    const batch = batchOf(rest, positions.of(streamId) === 'KEPT')
    const appended = await append(batch, target)
    appended.forEach((result, i) => {
      results.set(batch[i] as EventItem, resultOf(batch[i] as EventItem, result))
    })
    complete &&= !appended.some(isRejected)
    rest = rest.slice(appended.length)
  }
  return complete
}

// Results end at the first rejected event, unless the target keeps going without keeping positions.
async function append(
  batch: readonly EventItem[],
  { log, positions, keepGoing }: ImportTarget,
): Promise<ImportResult[]> {
  const { streamId } = batch[0] as EventItem
  const isMoved = positions.of(streamId) === 'KEPT'
  const events = batch.map(({ event }) => event)
  const results = await log.import(streamId, events, isMoved ? 'KEEP' : keepGoing ? 'SKIP' : 'STOP')
  if (!isMoved) positions.compare(streamId, events, results)
  else if (results.some(isRejected)) positions.set(streamId, 'BROKEN')
  return results
}

function batchOf(items: readonly EventItem[], isMoved: boolean): EventItem[] {
  const batch: EventItem[] = []
  let characters = 0
  for (const item of items) {
    if (isMoved && item.event.seq === undefined) break
    batch.push(item)
    characters += item.event.data.length
    if (batch.length === BATCH.events || characters >= BATCH.characters) break
  }
  return batch
}

function resultOf({ event, streamId }: EventItem, result: ImportResult): ItemResult {
  const time = event.createdAt.toISOString()
  switch (result.outcome) {
    case 'RECORDED':
    case 'DUPLICATE':
      return { outcome: result.outcome }
    case 'REMOVED':
      return { outcome: 'DUPLICATE' }
    case 'CONFLICT':
      return {
        outcome: 'CONFLICT',
        reason: `Event id ${event.id} is already used by a different event in ${streamId}, at position ${result.seq}.`,
      }
    case 'MISPLACED':
      return {
        outcome: 'REJECTED',
        reason:
          `Position ${event.seq} cannot be kept: the event has, or would get, position ` +
          `${result.seq} in ${streamId}. The file lacks events, or ${streamId} has others.`,
      }
    case 'OUT_OF_ORDER':
      return {
        outcome: 'REJECTED',
        reason:
          event.createdAt.getTime() > Date.now() + FUTURE_MS
            ? `${time} is in the future.`
            : `${time} is earlier than the newest event of ${streamId}. Times in a stream never decrease: import ` +
              `in order of time, into a stream without later events.`,
      }
  }
}
