import type { LoggedEvent } from '../log/event.ts'
import type { EventBatch, EventBatches } from '../log/follow/event-batches.ts'
import type { SnapshotUpdate, SnapshotUpdates } from '../log/follow/snapshot-updates.ts'

/** What a subscription is executed for, once for all subscribers of a cohort. */
export type Item = LoggedEvent | PacedItem

/** What is made for each reader at its own pace. */
export type PacedItem = EventBatch | SnapshotUpdate

export type PacedSource = EventBatches | SnapshotUpdates

/** The same for items with the same result. */
export function keyOf(item: Item): string {
  const { epoch, seq } = item
  if ('snapshot' in item) return `${epoch} ${seq} ${item.snapshot.first} ${item.version}`
  if (!('events' in item)) return `${epoch} ${seq} ${item.redactedAt !== null}`
  return `${epoch} ${item.after} ${seq} ${item.behind} ${item.version}`
}

/** Payload in UTF-16 units. */
export function textOf(item: Item): number {
  if ('snapshot' in item) return 0
  return 'events' in item ? item.text : item.data.length
}

/** Results that subscribers receive for it. */
export function countOf(item: PacedItem): number {
  return 'events' in item ? item.events.length : 1
}
