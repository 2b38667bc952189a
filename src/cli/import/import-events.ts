import type { TimedResult } from '../../log/append/append-batches.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { Arrival, Source } from './import-item.ts'
import type { Fate, Tally } from './import-summary.ts'
import { readAhead } from './read-ahead.ts'
import type { Streams } from './target-streams.ts'

/** Batch limits in events and payload characters; the last event may exceed the latter. */
const BATCH = { events: 1_000, characters: 4_194_304 }

/** A refused event more than this many milliseconds ahead of our clock is reported as in the future. */
const FUTURE_MS = 1_000

export interface Target {
  log: EventLog
  streams: Streams
  atOnce: number
}

type Event = Extract<Arrival, { event: object }>

/** Appends a source's events with their times, reading a few MB ahead; repeatable, as duplicates are skipped. */
export async function moveIn(source: Source, target: Target, tally: Tally): Promise<void> {
  for await (const arrivals of readAhead(source)) {
    const fates = new Map<Arrival, Fate>()
    try {
      await record(arrivals, target, fates)
    } finally {
      // Fates are set concurrently; this is the order of arrival.
      for (const arrival of arrivals) {
        const fate = fates.get(arrival)
        if (fate) tally.add(arrival, fate)
      }
    }
  }
}

async function record(arrivals: readonly Arrival[], target: Target, fates: Map<Arrival, Fate>): Promise<void> {
  const byStream = new Map<string, Event[]>()
  for (const arrival of arrivals) {
    if (arrival.event) {
      const { streamId, kind } = arrival
      const key = `${kind} ${streamId}`
      const events = byStream.get(key)
      if (events) events.push(arrival)
      else byStream.set(key, [arrival])
    } else {
      fates.set(arrival, { outcome: 'REJECTED', reason: arrival.refusal })
    }
  }
  const queue = [...byStream.values()]
  const work = async () => {
    for (let events = queue.shift(); events; events = queue.shift()) await recordInStream(events, target, fates)
  }
  await Promise.all(Array.from({ length: Math.min(target.atOnce, queue.length) }, work))
}

async function recordInStream(arrivals: Event[], { log, streams }: Target, fates: Map<Arrival, Fate>): Promise<void> {
  const { kind, streamId } = arrivals[0] as Event
  const refusal = await streams.prepare(kind, streamId)
  if (refusal !== undefined) {
    for (const arrival of arrivals) fates.set(arrival, { outcome: 'REJECTED', reason: refusal })
    return
  }
  for (const batch of batchesOf(arrivals)) {
    const results = await log.import(
      streamId,
      batch.map(({ event }) => event),
    )
    batch.forEach((arrival, i) => {
      fates.set(arrival, fateOf(arrival, results[i] as TimedResult))
    })
  }
}

function* batchesOf(arrivals: readonly Event[]): Generator<Event[]> {
  let batch: Event[] = []
  let characters = 0
  for (const arrival of arrivals) {
    batch.push(arrival)
    characters += arrival.event.data.length
    if (batch.length < BATCH.events && characters < BATCH.characters) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}

function fateOf({ event, streamId }: Event, result: TimedResult): Fate {
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
            : `${time} is earlier than the newest event of ${streamId}. Times in a stream never decrease: import in order of time, into a stream without later events.`,
      }
  }
}
