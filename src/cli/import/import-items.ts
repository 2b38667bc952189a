import type { ImportResult } from '../../log/append/append-batches.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { ImportItem, ImportSource } from './import-item.ts'
import type { ImportSummary, ItemResult } from './import-summary.ts'
import { readAhead } from './read-ahead.ts'
import type { TargetStreams } from './target-streams.ts'

/** Batch limits in events and payload characters; the last event may exceed the latter. */
const BATCH = { events: 1_000, characters: 4_194_304 }

/** A rejected event more than this many milliseconds ahead of our clock is reported as in the future. */
const FUTURE_MS = 1_000

export interface ImportTarget {
  log: EventLog
  streams: TargetStreams
  atOnce: number
}

type EventItem = Extract<ImportItem, { event: object }>

/** Appends a source's events with their times, reading a few MB ahead; repeatable, as duplicates are skipped. */
export async function importItems(source: ImportSource, target: ImportTarget, summary: ImportSummary): Promise<void> {
  for await (const items of readAhead(source)) {
    const results = new Map<ImportItem, ItemResult>()
    try {
      await record(items, target, results)
    } finally {
      // Results are set concurrently; this keeps the order of the items.
      for (const item of items) {
        const result = results.get(item)
        if (result) summary.add(item, result)
      }
    }
  }
}

async function record(
  items: readonly ImportItem[],
  target: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<void> {
  const byStream = new Map<string, EventItem[]>()
  for (const item of items) {
    if (item.event) {
      const { streamId, kind } = item
      const key = `${kind} ${streamId}`
      const events = byStream.get(key)
      if (events) events.push(item)
      else byStream.set(key, [item])
    } else {
      results.set(item, { outcome: 'REJECTED', reason: item.problem })
    }
  }
  const queue = [...byStream.values()]
  const work = async () => {
    for (let events = queue.shift(); events; events = queue.shift()) await recordInStream(events, target, results)
  }
  await Promise.all(Array.from({ length: Math.min(target.atOnce, queue.length) }, work))
}

async function recordInStream(
  items: EventItem[],
  { log, streams }: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<void> {
  const { kind, streamId } = items[0] as EventItem
  const obstacle = await streams.prepare(kind, streamId)
  if (obstacle !== undefined) {
    for (const item of items) results.set(item, { outcome: 'REJECTED', reason: obstacle })
    return
  }
  for (const batch of batchesOf(items)) {
    const appended = await log.import(
      streamId,
      batch.map(({ event }) => event),
    )
    batch.forEach((item, i) => {
      results.set(item, resultOf(item, appended[i] as ImportResult))
    })
  }
}

function* batchesOf(items: readonly EventItem[]): Generator<EventItem[]> {
  let batch: EventItem[] = []
  let characters = 0
  for (const item of items) {
    batch.push(item)
    characters += item.event.data.length
    if (batch.length < BATCH.events && characters < BATCH.characters) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}

function resultOf({ event, streamId }: EventItem, result: ImportResult): ItemResult {
  const time = event.createdAt.toISOString()
  switch (result.outcome) {
    case 'RECORDED':
    case 'DUPLICATE':
      return { outcome: result.outcome }
    case 'CONFLICT':
      return {
        outcome: 'CONFLICT',
        reason: `Event id ${event.id} is already used by a different event in ${streamId}, at position ${result.seq}.`,
      }
    case 'OUT_OF_ORDER':
      return {
        outcome: 'REJECTED',
        reason:
          event.createdAt.getTime() > Date.now() + FUTURE_MS
            ? `${time} is in the future.`
            : `${time} is earlier than the newest event of ${streamId}. Times in a stream never decrease: ` +
              'import in order of time, into a stream without later events.',
      }
  }
}
