import { CodedError } from '../../errors.ts'
import { uuid } from '../../lib/text.ts'
import type { PastEvent } from '../../log/append/import-events.ts'

/** What a stream is about. */
export type StreamKind = 'DATASET' | 'REPORT'

/** Where something stands that comes from outside, for people and programs: the line of a file, or the id that the original gave it. */
export type Place = { readonly line: number } | { readonly id: string }

/** A past event for a stream. */
interface Arrived {
  readonly event: PastEvent
  readonly kind: StreamKind
  readonly streamId: string
}

/** Something that comes from outside: a past event for a stream, or why it is none. */
export type Arrival = { readonly place: Place } & (
  | (Arrived & { readonly refusal?: undefined })
  | { readonly refusal: string; readonly event?: undefined }
)

/** Where arrivals come from, a few at a time. Those of one stream come in its order. */
export type Source = AsyncIterable<readonly Arrival[]>

/** Whatever stands there. @param read refuses it by throwing a CodedError. */
export function arrivalFrom(place: Place, read: () => Arrived): Arrival {
  try {
    return { place, ...read() }
  } catch (error) {
    if (error instanceof CodedError) return { place, refusal: error.message }
    throw error
  }
}

/** For `arrivalFrom`. */
export function refusal(message: string): CodedError {
  return new CodedError('BAD_USER_INPUT', message)
}

/** The id that an original gave an event. @throws CodedError for `arrivalFrom`. */
export function originalId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw refusal('Its id is not a UUID.')
  return data
}
