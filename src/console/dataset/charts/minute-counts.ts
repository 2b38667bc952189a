import { signal } from '@preact/signals'
import { isFailure } from '../../ui/format.ts'
import type { EventType } from '../event-row.ts'
import type { Tail } from '../tail.ts'
import { countRanges } from './count-ranges.ts'

const MINUTE_MS = 60_000

const SHOWN = 30

export interface Minute {
  /** In milliseconds since 1970. */
  readonly start: number
  readonly all: number
  readonly failed: number
}

/** Events a minute, of the last half hour: counted by the server, and on here while events arrive. */
export class MinuteCounts {
  readonly minutes = signal<readonly Minute[]>([])
  readonly #tail: Tail
  readonly #unlisten: () => void
  readonly #timer: ReturnType<typeof setInterval>

  constructor(tail: Tail) {
    this.#tail = tail
    this.#unlisten = tail.onRows((rows) => {
      const latest = this.minutes.peek().at(-1)
      if (!latest) return
      const fresh = rows.filter(({ createdAt }) => Date.parse(createdAt) >= latest.start)
      if (fresh.length === 0) return
      const failed = latest.failed + fresh.filter(({ eventType }) => isFailure(eventType)).length
      this.minutes.value = [...this.minutes.peek().slice(0, -1), { ...latest, all: latest.all + fresh.length, failed }]
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
    const thisMinute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
    const edges = [...Array(SHOWN + 1).keys()].map((index) => thisMinute + (index - SHOWN + 1) * MINUTE_MS)
    const { id } = this.#tail.dataset
    const failures = [...this.#tail.counters.peek().types.keys()].filter(isFailure) as EventType[]
    const [all, failed] = await Promise.all([
      countRanges(id, [], edges),
      failures.length > 0 ? countRanges(id, failures, edges) : [],
    ]).catch(() => [[], []])
    this.minutes.value = all.map((count, index) => ({
      start: edges[index] ?? 0,
      all: count,
      failed: failed[index] ?? 0,
    }))
  }
}
