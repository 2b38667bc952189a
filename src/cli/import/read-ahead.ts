import type { Arrival, Source } from './import-item.ts'

/** How much may wait to be taken, in characters of payloads and what comes with each; and then what was read last. */
const ROOM = 4_194_304

/** What an arrival weighs beside its payload. */
const OVERHEAD = 300

/**
 * Reads on while whoever takes from it is at work, and then gives everything that has been read meanwhile: at once when that is little,
 * and no more than there is room for.
 */
export async function* readAhead(source: Source): AsyncGenerator<Arrival[]> {
  let waiting: Arrival[] = []
  let weight = 0
  let ended = false
  let left = false
  let wake: () => void = () => undefined
  const woken = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })

  const reading = (async () => {
    try {
      for await (const arrivals of source) {
        for (const arrival of arrivals) {
          waiting.push(arrival)
          weight += OVERHEAD + (arrival.event?.data.length ?? 0)
        }
        wake()
        while (weight > ROOM && !left) await woken()
        if (left) return
      }
    } finally {
      ended = true
      wake()
    }
  })()
  // It is awaited below, but may fail before.
  reading.catch(() => undefined)

  try {
    for (;;) {
      if (waiting.length > 0) {
        const taken = waiting
        waiting = []
        weight = 0
        wake()
        yield taken
      } else if (ended) {
        break
      } else {
        await woken()
      }
    }
    await reading
  } finally {
    left = true
    wake()
  }
}
