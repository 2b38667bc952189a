import { CodedError } from '../../errors.ts'
import { uuid } from '../../lib/text.ts'
import type { PastEvent } from '../../log/append/import-events.ts'

export type StreamKind = 'DATASET' | 'REPORT'

/** Position of an item in messages: a line of a file, or the upstream's id. */
export type Place = { readonly line: number } | { readonly id: string }

interface Arrived {
  readonly event: PastEvent
  readonly kind: StreamKind
  readonly streamId: string
}

/** An item from outside: a past event for a stream, or the reason it is refused. */
export type Arrival = { readonly place: Place } & (
  | (Arrived & { readonly refusal?: undefined })
  | { readonly refusal: string; readonly event?: undefined }
)

/** Batches of arrivals, in order within a stream. */
export type Source = AsyncIterable<readonly Arrival[]>

/** @param read throws a CodedError to refuse the item. */
export function arrivalFrom(place: Place, read: () => Arrived): Arrival {
  try {
    return { place, ...read() }
  } catch (error) {
    if (error instanceof CodedError) return { place, refusal: error.message }
    throw error
  }
}

/** The error that `arrivalFrom` turns into a refusal. */
export function refusal(message: string): CodedError {
  return new CodedError('BAD_USER_INPUT', message)
}

/** An upstream event id. @throws CodedError for `arrivalFrom`. */
export function originalId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw refusal('The event id is not a UUID.')
  return data
}
