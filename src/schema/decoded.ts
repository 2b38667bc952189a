import { LRUCache } from 'lru-cache'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { LoggedEvent } from '../log/event.ts'
import { type DecodedReportEvent, decodeReportEvent } from '../log/report/report-event.ts'

/** Text of events whose values are kept, in UTF-16 units: at least one event. Subscribers who ask differently use the same value. */
const KEPT_TEXT = 1_048_576

/** A text that is shorter than this is decoded anew. */
const SHORT = 1_024

/** What a value takes in memory beside the characters of its text, in bytes: an object or a list, and an item of one. */
const WEIGHT = { nested: 56, item: 16 } as const

const values = new LRUCache<LoggedEvent, { value: unknown }>({
  maxSize: KEPT_TEXT,
  sizeCalculation: (_value, { data }) => data.length + 1,
})

/** What the payload of an event says, decoded once for all who ask for it at about the same time. */
export function payloadValue(event: LoggedEvent, budget: OperationBudget): unknown {
  if (event.data.length < SHORT) return JSON.parse(event.data)
  const kept = values.get(event)
  if (kept) return kept.value
  budget.reserve(decodedBytes(event.data))
  const value: unknown = JSON.parse(event.data)
  values.set(event, { value })
  return value
}

/** A report event, decoded likewise. */
export function reportEventOf(event: LoggedEvent, budget: OperationBudget): DecodedReportEvent {
  return { event, data: payloadValue(event, budget) } as DecodedReportEvent
}

/** The events of a page, decoded in turns. */
export async function decodeAll(
  events: readonly LoggedEvent[],
  budget: OperationBudget,
): Promise<DecodedReportEvent[]> {
  const decoded: DecodedReportEvent[] = []
  for (const event of events) {
    if (budget.mustWait) await budget.turn()
    budget.reserve(decodedBytes(event.data))
    decoded.push(decodeReportEvent(event))
  }
  return decoded
}

const [BRACE, BRACKET, COMMA] = [0x7b, 0x5b, 0x2c]

/** About how many bytes the value of a JSON text takes: measured half of the text for vectors, twice for sources, 20 times for `{}`. */
function decodedBytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === COMMA) bytes += WEIGHT.item
    else if (unit === BRACE || unit === BRACKET) bytes += WEIGHT.nested
  }
  return bytes
}
