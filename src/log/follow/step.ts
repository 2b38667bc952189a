import type { LoggedEvent } from '../event.ts'

/** Most that is delivered at once: events, and UTF-16 units of payload beyond the first event. */
export const STEP = { events: 64, text: 32_768 } as const

/** How many events, from this index on, make up one step. */
export function stepOf(events: readonly LoggedEvent[], from = 0): number {
  let text = 0
  let index = from
  for (; index < events.length && index - from < STEP.events; index++) {
    text += events[index]?.data.length ?? 0
    if (text > STEP.text && index > from) break
  }
  return index - from
}
