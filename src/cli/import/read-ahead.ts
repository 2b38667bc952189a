import type { ImportItem, ImportSource } from './import-item.ts'

/** Buffer limit in payload characters plus `OVERHEAD` per item; the last batch read may exceed it. */
const ROOM = 4_194_304

const OVERHEAD = 300

/** Reads on while the caller works, then yields everything buffered; backpressure stops reading beyond `ROOM`. */
export async function* readAhead(source: ImportSource): AsyncGenerator<ImportItem[]> {
  let waiting: ImportItem[] = []
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
      for await (const items of source) {
        for (const item of items) {
          waiting.push(item)
          weight += OVERHEAD + (item.event?.data.length ?? 0)
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
  // Awaited below; this prevents an unhandled rejection before that.
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
