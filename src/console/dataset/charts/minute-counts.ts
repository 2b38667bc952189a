import { signal } from '@preact/signals'
import { countRanges } from '../../api/count-ranges.ts'
import type { EventType } from '../event-row.ts'
import type { Tail } from '../tail.ts'

const MINUTE_MS = 60_000

const SHOWN = 30

/** Types that are counted together; all types if there are none. */
export type Group = readonly EventType[]

export interface Minute {
  /** In milliseconds since 1970. */
  readonly start: number
  /** Events of each group, in the order of the groups. */
  readonly counts: readonly number[]
}

/** Events a minute, of the last half hour: counted by the server, and on here while events arrive. */
export class MinuteCounts {
  readonly minutes = signal<readonly Minute[]>([])
  readonly #tail: Tail
  readonly #groups: readonly Group[]
  readonly #unlisten: () => void
  #isReading = false
  readonly #timer: ReturnType<typeof setInterval>

  constructor(tail: Tail, groups: readonly Group[]) {
    this.#tail = tail
    this.#groups = groups
    this.#unlisten = tail.onRows((rows) => {
      const latest = this.minutes.peek().at(-1)
      if (!latest) return
      const fresh = rows.filter(({ createdAt }) => Date.parse(createdAt) >= latest.start)
      if (fresh.length === 0) return
      const counts = latest.counts.map((count, index) => {
        const types = groups[index] ?? []
        return count + fresh.filter(({ eventType }) => types.length === 0 || types.includes(eventType)).length
      })
      this.minutes.value = [...this.minutes.peek().slice(0, -1), { ...latest, counts }]
    })
    void this.#read()
    this.#timer = setInterval(() => {
      const latest = this.minutes.peek().at(-1)
      if (!document.hidden && (!latest || Date.now() >= latest.start + MINUTE_MS)) void this.#read()
    }, 5_000)
  }

  close(): void {
    this.#unlisten()
    clearInterval(this.#timer)
  }

  async #read(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    const newest = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
    const oldest = newest - (SHOWN - 1) * MINUTE_MS
    // The last one was not over when it was read.
    const kept = this.minutes
      .peek()
      .slice(0, -1)
      .filter(({ start }) => start >= oldest)
    const edges = Array.from(
      { length: SHOWN - kept.length + 1 },
      (_, index) => oldest + (kept.length + index) * MINUTE_MS,
    )
    const { id } = this.#tail.dataset
    const counted = await Promise.all(
      this.#groups.map((types) => countRanges({ of: 'datasetId', id, filter: types }, edges)),
    ).catch(() => undefined)
    this.#isReading = false
    // Those that are shown stay until they can be read again.
    if (!counted) return
    const read = edges
      .slice(0, -1)
      .map((start, index) => ({ start, counts: counted.map((counts) => counts[index] ?? 0) }))
    this.minutes.value = [...kept, ...read]
  }
}
