import { LRUCache } from 'lru-cache'
import type { ImportResult } from '../../log/append/append-batches.ts'
import type { PastEvent } from '../../log/append/append-past.ts'

const REMEMBERED = 10_000

/**
 * Of the events that a file has for a stream. KEPT: they get the same here. BROKEN: they did, up to a rejected event.
 * OTHER: the stream has a history of its own. REPORTED: positions have changed, and the user knows.
 */
type Positions = 'KEPT' | 'BROKEN' | 'OTHER' | 'REPORTED'

/** Whether the streams of an import keep the positions of the file. */
export class StreamPositions {
  readonly #note: (line: string) => void
  readonly #known = new LRUCache<string, Positions>({ max: REMEMBERED })

  /** @param note shows a line to the user. */
  constructor(note: (line: string) => void) {
    this.#note = note
  }

  of(streamId: string): Positions | undefined {
    return this.#known.get(streamId)
  }

  set(streamId: string, positions: Positions): void {
    this.#known.set(streamId, positions)
  }

  /** Reports, once a stream, that events have got other positions than they have in the file. */
  compare(streamId: string, events: readonly PastEvent[], results: readonly ImportResult[]): void {
    const positions = this.of(streamId)
    if (positions === 'REPORTED') return
    for (const [i, result] of results.entries()) {
      const seq = events[i]?.seq
      if (result.outcome !== 'RECORDED' || seq === undefined) continue
      if (positions !== 'OTHER' && result.seq === seq) continue
      this.set(streamId, 'REPORTED')
      const change = result.seq === seq ? 'has a history of its own' : `positions change, ${seq} becomes ${result.seq}`
      this.#note(`${streamId}: ${change}. Cursors of the source are not valid here.`)
      return
    }
  }
}
