import type { Queries } from '../../db/queries.ts'
import type { LoggedEvent } from '../event.ts'
import { MissingEventsError } from './damage.ts'
import { rangeStatement } from './range-statement.ts'

/** The events between two exclusive positions: of `types` (distinct stored names, default all), or those at `only`. */
export interface Range {
  streamId: string
  types?: readonly string[]
  only?: readonly number[]
  low: number
  high: number
}

/** First characters of each payload that are read, 0 for none; absent: all. */
export type Prefix = number | undefined

/** Stops after `events`, or before what is read of payloads exceeds `bytes`, but not before the first event. */
export interface Limit {
  events: number
  bytes: number
  prefix?: Prefix
}

/** `bytes`: of what was read of the payload. */
export interface SizedEvent extends LoggedEvent {
  bytes: number
}

/** `more`: a limit ended the read. `cut`: the byte limit did, the range holds more. Below `first`, all is removed. */
export interface Read {
  exists: boolean
  events: SizedEvent[]
  more: boolean
  cut: boolean
  first: number
  head: number
  epoch: number
  redactions: number
  version: string
}

export type Direction = 'ASC' | 'DESC'

/** Most bytes of a character in UTF-8. */
export const CHARACTER = 4

interface Row {
  stream: string
  found: number
  event: string | null
  type: string
  data: string
}

type State = Pick<Read, 'first' | 'head' | 'epoch' | 'redactions' | 'version'>

/** Reads a range up to the limit, at a cost that depends on the result, not on the stream's length. */
export async function readRange(db: Queries, range: Range, direction: Direction, limit: Limit): Promise<Read> {
  const rows = await db.$queryRaw<Row[]>(rangeStatement(range, direction, limit))
  const [row] = rows
  if (!row) return NOTHING
  const state = stateOf(row.stream)
  const events: SizedEvent[] = []
  for (const { event, type, data } of rows) {
    if (event === null) continue
    const [seq, size, bytes, at, redacted, id = ''] = event.split(' ')
    events.push(eventOf(range.streamId, state.epoch, { seq, size, at, redacted, id, type, data }, Number(bytes)))
  }
  const cut = events.length < row.found
  const read = { ...state, exists: true, events, more: row.found === limit.events || cut, cut }
  if (!range.types) checkComplete(range, direction, limit.events, read)
  return read
}

const NOTHING: Read = {
  exists: false,
  events: [],
  more: false,
  cut: false,
  first: 1,
  head: 0,
  epoch: 0,
  redactions: 0,
  version: '',
}

export function stateOf(stream: string): State {
  const [first, head, epoch, redactions, version = ''] = stream.split(' ')
  return {
    first: Number(first),
    head: Number(head),
    epoch: Number(epoch),
    redactions: Number(redactions),
    version,
  }
}

type EventTexts = Record<'id' | 'type' | 'data', string> &
  Record<'seq' | 'size' | 'at' | 'redacted', string | undefined>

export function eventOf(
  streamId: string,
  epoch: number,
  { seq, size, at, redacted, id, type, data }: EventTexts,
  bytes: number,
): SizedEvent {
  return {
    streamId,
    seq: Number(seq),
    id,
    type,
    createdAt: new Date(Math.round(Number(at))),
    data,
    size: Number(size),
    bytes,
    redactedAt: redacted === '-' ? null : new Date(Math.round(Number(redacted))),
    epoch,
  }
}

export class MissingEventError extends MissingEventsError {
  readonly head: number
  readonly position: number

  constructor({ streamId }: Range, head: number, expected: number, found: number | undefined) {
    super(`Stream ${streamId} lacks the event at position ${expected}: found ${found ?? 'none'}.`)
    this.head = head
    this.position = expected
  }
}

// Positions have no holes, so what a range holds is known from the bounds of the same snapshot.
function checkComplete(
  range: Range,
  direction: Direction,
  limit: number,
  { events, cut, first, head }: Pick<Read, 'events' | 'cut' | 'first' | 'head'>,
): void {
  const [lowest, highest] = [Math.max(range.low + 1, first), Math.min(range.high - 1, head)]
  const only = range.only && chosen(range.only, lowest, highest, direction)
  const count = cut ? events.length : Math.max(0, Math.min(limit, only?.length ?? highest - lowest + 1))
  for (let i = 0; i < Math.max(count, events.length); i++) {
    const dense = direction === 'ASC' ? lowest + i : highest - i
    const expected = only?.[i] ?? dense
    if (events[i]?.seq !== expected) throw new MissingEventError(range, head, expected, events[i]?.seq)
  }
}

function chosen(positions: readonly number[], lowest: number, highest: number, direction: Direction): number[] {
  const within = [...new Set(positions)].filter((seq) => seq >= lowest && seq <= highest)
  return within.sort((a, b) => (direction === 'ASC' ? a - b : b - a))
}
