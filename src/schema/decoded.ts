import { LRUCache } from 'lru-cache'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Prefix } from '../log/read/range.ts'
import { type DecodedReportEvent, decodeReportEvent } from '../log/report/report-event.ts'

/** Cached event text in UTF-16 units, at least one event; subscribers with different selections share the values. */
const KEPT_TEXT = 1_048_576

const SHORT = 1_024

/** Bytes in memory beside the characters: an object or array, and an item of one. */
const WEIGHT = { nested: 56, item: 16 } as const

const values = new LRUCache<LoggedEvent, { value: unknown }>({
  maxSize: KEPT_TEXT,
  sizeCalculation: (_value, { data }) => data.length + 1,
})

/** The decoded payload of an event, shared by concurrent readers. */
export function payloadValue(event: LoggedEvent, budget: OperationBudget): unknown {
  if (event.data.length < SHORT) return JSON.parse(event.data)
  const kept = values.get(event)
  if (kept) return kept.value
  reserveDecoded(event, budget)
  const value: unknown = JSON.parse(event.data)
  values.set(event, { value })
  return value
}

/** Reserves memory for the value of a payload, or for a copy of it. */
export function reserveDecoded({ data }: LoggedEvent, budget: OperationBudget): void {
  if (data.length >= SHORT) budget.reserve(decodedBytes(data))
}

export function reportEventOf(event: LoggedEvent, budget: OperationBudget): DecodedReportEvent {
  return { event, data: payloadValue(event, budget) } as DecodedReportEvent
}

/** @param prefix as the events were read: without the whole payloads, their data cannot be used. */
export async function decodeAll(
  events: readonly LoggedEvent[],
  prefix: Prefix,
  budget: OperationBudget,
): Promise<DecodedReportEvent[]> {
  if (prefix !== undefined) return events.map(undecoded)
  const decoded: DecodedReportEvent[] = []
  for (const event of events) {
    if (budget.mustWait) await budget.turn()
    budget.reserve(decodedBytes(event.data))
    decoded.push(decodeReportEvent(event))
  }
  return decoded
}

function undecoded(event: LoggedEvent): DecodedReportEvent {
  return {
    event,
    get data(): never {
      throw new Error(`Only the beginning of event ${event.id} has been read.`)
    },
  }
}

const [BRACE, BRACKET, COMMA] = [0x7b, 0x5b, 0x2c]

/** Estimated bytes of a JSON value: measured 0.5 times the text for vectors, 2 for sources, 20 for `{}`. */
function decodedBytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === COMMA) bytes += WEIGHT.item
    else if (unit === BRACE || unit === BRACKET) bytes += WEIGHT.nested
  }
  return bytes
}
