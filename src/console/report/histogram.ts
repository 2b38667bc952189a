import { signal } from '@preact/signals'
import { countRanges } from '../api/count-ranges.ts'
import { request } from '../api/request.ts'
import { REPORT_EVENTS } from './documents.ts'
import type { LiveReport } from './live-report.ts'

const BARS = 90

/** Milliseconds between two counts while events arrive. */
const RECOUNT_MS = 5_000

/** Events of a report in equal parts of the time from its first event to its newest. */
export interface Bars {
  readonly counts: readonly number[]
  /** Position before the first bar. */
  readonly before: number
}

/** Counts them, without reading events, and again while events arrive. */
export class Histogram {
  readonly bars = signal<Bars>({ counts: [], before: 0 })
  readonly #live: LiveReport
  readonly #unwatch: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #start: number | undefined

  constructor(live: LiveReport) {
    this.#live = live
    this.#unwatch = live.state.subscribe(() => {
      this.#timer ??= setTimeout(() => void this.#count(), this.bars.peek().counts.length === 0 ? 0 : RECOUNT_MS)
    })
  }

  close(): void {
    this.#unwatch()
    clearTimeout(this.#timer)
  }

  async #count(): Promise<void> {
    const { id, firstSeq } = this.#live.report
    const { at } = this.#live.state.peek()
    this.#timer = undefined
    if (at === undefined) return
    // Those that are shown stay if they cannot be counted.
    const counts = await this.#countUntil(id, Date.parse(at)).catch(() => undefined)
    if (counts) this.bars.value = { counts, before: firstSeq - 1 }
  }

  async #countUntil(id: string, newest: number): Promise<number[]> {
    this.#start ??= await startOf(id)
    const length = newest + 1 - this.#start
    const count = Math.max(1, Math.min(BARS, length))
    const edges = Array.from({ length: count + 1 }, (_, index) =>
      Math.round((this.#start as number) + (length * index) / count),
    )
    return countRanges({ of: 'reportId', id }, edges)
  }
}

async function startOf(id: string): Promise<number> {
  const { reportEvents } = await request(REPORT_EVENTS, { id, first: 1 })
  const [edge] = reportEvents.edges
  if (!edge) throw new Error('The report has no event.')
  return Date.parse(edge.node.timestamp)
}

/** The part of the time, 0 to 1, after which a position was recorded. */
export function partOf({ counts, before }: Bars, seq: number): number {
  let start = before
  for (const [index, count] of counts.entries()) {
    if (seq <= start + count) return (index + (count === 0 ? 0 : Math.max(0, seq - start) / count)) / counts.length
    start += count
  }
  return 1
}

/** The newest position of the part of the time. */
export function positionAt({ counts, before }: Bars, part: number): number {
  const bar = Math.min(1, Math.max(0, part)) * counts.length
  const whole = counts.slice(0, Math.floor(bar)).reduce((sum, count) => sum + count, before)
  return whole + Math.round((counts[Math.floor(bar)] ?? 0) * (bar % 1))
}
