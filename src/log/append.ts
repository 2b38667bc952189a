import { CodedError } from '../errors.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'
import type { AppendResult, NewEvent } from './event.ts'

/** Most events in one append. */
const MAX_BATCH = 1_000

/** What `append_events` returns: one row, see the migration that makes it. */
interface Outcome {
  head_before: bigint | null
  recorded: number
  known_position: number[] | null
  known_seq: bigint[] | null
  known_same: boolean[] | null
}

/**
 * Appends events to a stream in the given order, all that are new in one transaction.
 * @returns one result per event, in the same order.
 * @throws CodedError BAD_USER_INPUT for more than `MAX_BATCH` events, NOT_FOUND for an unknown stream; nothing is stored then.
 */
export async function append(db: PrismaClient, streamId: string, events: readonly NewEvent[]): Promise<AppendResult[]> {
  if (events.length > MAX_BATCH) {
    throw new CodedError(
      'BAD_USER_INPUT',
      `One call records at most ${MAX_BATCH} events; this one has ${events.length}.`,
    )
  }
  const results: AppendResult[] = new Array(events.length)
  let waiting = events.map((event, index) => ({ event, index }))
  // The database takes an id once a call. Repeats within a batch go in a further round, where they meet their first.
  while (waiting.length > 0) {
    const ids = new Set<string>()
    const round = waiting.filter(({ event: { id } }) => !ids.has(id) && ids.add(id))
    const appended = await appendDistinct(
      db,
      streamId,
      round.map(({ event }) => event),
    )
    round.forEach(({ index }, position) => {
      results[index] = appended[position] as AppendResult
    })
    const done = new Set(round)
    waiting = waiting.filter((item) => !done.has(item))
  }
  return results
}

async function appendDistinct(
  db: PrismaClient,
  streamId: string,
  events: readonly NewEvent[],
): Promise<AppendResult[]> {
  const rows = await db.$queryRaw<Outcome[]>`SELECT * FROM append_events(
    ${streamId}::uuid,
    ${events.map(({ id }) => id)}::uuid[],
    ${events.map(({ type }) => type)}::text[],
    ${events.map(({ data }) => data)}::text[])`
  const outcome = rows[0]
  // The embedded database has been seen to drop a statement without an error: no answer is no acknowledgement.
  if (!outcome) throw new Error(`The append to stream ${streamId} returned nothing.`)
  if (outcome.head_before === null) throw new CodedError('NOT_FOUND', `There is no stream ${streamId}.`)
  return numberEvents(events, Number(outcome.head_before), knownEvents(outcome))
}

type Known = Map<number, Pick<AppendResult, 'seq' | 'outcome'>>

function knownEvents({ known_position, known_seq, known_same }: Outcome): Known {
  return new Map(
    known_position?.map((position, i) => [
      position - 1,
      { seq: Number(known_seq?.[i]), outcome: known_same?.[i] ? 'DUPLICATE' : 'CONFLICT' },
    ]),
  )
}

function numberEvents(events: readonly NewEvent[], headBefore: number, known: Known): AppendResult[] {
  let seq = headBefore
  return events.map(({ id }, position) => ({ id, ...(known.get(position) ?? { seq: ++seq, outcome: 'RECORDED' }) }))
}
