import type { StreamKind } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { uuid } from '../../lib/text.ts'
import type { PastEvent } from '../../log/append/append-past.ts'
import { invalidItem } from '../invalid-item.ts'
import type { FileObject } from '../object-line.ts'

/** Position of an item in messages: a line of a file, or the upstream's id. */
export type Place = { readonly line: number } | { readonly id: string }

interface ImportedEvent {
  readonly event: PastEvent
  readonly kind: StreamKind
  readonly streamId: string
}

interface ImportedObject {
  readonly object: FileObject
  readonly kind?: StreamKind
  readonly streamId?: string
}

/** The reason it is rejected, with the stream that it would have described, if it is known. */
interface RejectedItem {
  readonly problem: string
  readonly kind?: StreamKind
  readonly streamId?: string
}

/** An item from outside: a past event for a stream, an object that events belong to, or the reason it is rejected. */
export type ImportItem = { readonly place: Place } & (
  | (ImportedEvent & { readonly object?: undefined; readonly problem?: undefined })
  | (ImportedObject & { readonly event?: undefined; readonly problem?: undefined })
  | (RejectedItem & { readonly event?: undefined; readonly object?: undefined })
)

export type StreamItem = ImportItem & { readonly kind: StreamKind; readonly streamId: string }

export type ImportSource = AsyncIterable<readonly ImportItem[]>

/** @param read throws a CodedError to reject the item. */
export function readItem(place: Place, read: () => ImportedEvent | ImportedObject): ImportItem {
  try {
    return { place, ...read() }
  } catch (error) {
    if (error instanceof CodedError) return { place, problem: error.message }
    throw error
  }
}

/** An upstream event id. @throws CodedError for `readItem`. */
export function upstreamId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw invalidItem('The event id is not a UUID.')
  return data
}
