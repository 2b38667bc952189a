import type { StreamKind } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { uuid } from '../../lib/text.ts'
import type { PastEvent } from '../../log/append/import-events.ts'

/** Position of an item in messages: a line of a file, or the upstream's id. */
export type Place = { readonly line: number } | { readonly id: string }

interface ImportedEvent {
  readonly event: PastEvent
  readonly kind: StreamKind
  readonly streamId: string
}

/** An item from outside: a past event for a stream, or the reason it is rejected. */
export type ImportItem = { readonly place: Place } & (
  | (ImportedEvent & { readonly problem?: undefined })
  | { readonly problem: string; readonly event?: undefined }
)

/** Batches of items, in order within a stream. */
export type ImportSource = AsyncIterable<readonly ImportItem[]>

/** @param read throws a CodedError to reject the item. */
export function readItem(place: Place, read: () => ImportedEvent): ImportItem {
  try {
    return { place, ...read() }
  } catch (error) {
    if (error instanceof CodedError) return { place, problem: error.message }
    throw error
  }
}

/** The error that `readItem` turns into a problem. */
export function invalidItem(message: string): CodedError {
  return new CodedError('BAD_USER_INPUT', message)
}

/** An upstream event id. @throws CodedError for `readItem`. */
export function upstreamId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw invalidItem('The event id is not a UUID.')
  return data
}
