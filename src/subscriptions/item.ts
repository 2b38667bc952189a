import type { LoggedEvent } from '../log/event.ts'
import type { EventBatch } from '../log/follow/event-batches.ts'

/** What a subscription is executed for, once for all subscribers of a cohort. */
export type Item = LoggedEvent | EventBatch

/** The same for items with the same result. */
export function keyOf(item: Item): string {
  const { epoch, seq } = item
  if (!('events' in item)) return `${epoch} ${seq} ${item.redactedAt !== null}`
  return `${epoch} ${item.after} ${seq} ${item.behind} ${item.version}`
}

/** Payload in UTF-16 units. */
export function textOf(item: Item): number {
  return 'events' in item ? item.text : item.data.length
}
