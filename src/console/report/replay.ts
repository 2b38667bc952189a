import { signal } from '@preact/signals'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { REPORT_EVENTS } from './documents.ts'
import type { LiveReport } from './live-report.ts'
import { EMPTY, fold, type ReportEvent, type ReportState } from './report-state.ts'

const PAGE = 200

/** Pages of events that are kept; the states at their beginnings are all kept. */
const KEPT_PAGES = 4

/** Longest wait for the next event at any speed, in milliseconds: workflows pause for hours. */
const LONGEST_MS = 2_000

interface Page {
  readonly before: ReportState
  readonly events: readonly ReportEvent[]
  readonly next: string | undefined
}

/** Shows a report as it was at any position, and plays it from there. It reads history a page at a time. */
export class Replay {
  /** What is shown instead of the present; undefined while the present is. */
  readonly shown = signal<ReportState | undefined>()
  readonly isPlaying = signal(false)
  readonly speed = signal(1)
  readonly error = signal<ApiError | undefined>()
  readonly #live: LiveReport
  /** Where each page begins: the state, and the cursor before its first event. */
  readonly #starts: { state: ReportState; after: string | undefined }[] = [{ state: EMPTY, after: undefined }]
  readonly #pages = new Map<number, Page>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #wanted = 0

  constructor(live: LiveReport) {
    this.#live = live
  }

  async seek(seq: number): Promise<void> {
    this.#wanted = seq
    try {
      const state = await this.#stateAt(seq)
      if (this.#wanted === seq) this.shown.value = state
    } catch (error) {
      this.error.value = asApiError(error)
    }
  }

  play(): void {
    this.isPlaying.value = true
    void this.#step()
  }

  pause(): void {
    this.isPlaying.value = false
    clearTimeout(this.#timer)
  }

  toLive(): void {
    this.pause()
    this.#wanted = 0
    this.shown.value = undefined
  }

  async #step(): Promise<void> {
    const seq = this.shown.peek()?.seq ?? 0
    const next = await this.#eventAfter(seq).catch((error: unknown) => {
      this.error.value = asApiError(error)
      return undefined
    })
    if (!this.isPlaying.peek()) return
    if (!next) return this.toLive()
    const at = this.shown.peek()?.at
    const gap = at === undefined ? 0 : Date.parse(next.timestamp) - Date.parse(at)
    this.#timer = setTimeout(
      () => {
        this.shown.value = fold(this.shown.peek() ?? EMPTY, [next])
        void this.#step()
      },
      Math.min(gap / this.speed.peek(), LONGEST_MS),
    )
  }

  async #eventAfter(seq: number): Promise<ReportEvent | undefined> {
    for (let index = this.#pageOf(seq + 1); ; index++) {
      const page = await this.#page(index)
      const event = page?.events.find((found) => found.seq > seq)
      if (event || !page?.next) return event
    }
  }

  async #stateAt(seq: number): Promise<ReportState> {
    const page = await this.#page(this.#pageOf(seq))
    return page
      ? fold(
          page.before,
          page.events.filter((event) => event.seq <= seq),
        )
      : EMPTY
  }

  #pageOf(seq: number): number {
    const first = this.#live.report.firstSeq
    return Math.max(0, Math.floor((seq - first) / PAGE))
  }

  // States build on each other, so the pages before one are read once.
  async #page(index: number): Promise<Page | undefined> {
    const kept = this.#pages.get(index)
    if (kept) return kept
    for (let known = this.#starts.length - 1; known < index; known++) {
      const page = await this.#read(known)
      if (!page?.next) return page
    }
    return this.#read(index)
  }

  async #read(index: number): Promise<Page | undefined> {
    const start = this.#starts[index]
    if (!start) return undefined
    const { reportEvents } = await request(REPORT_EVENTS, { id: this.#live.report.id, first: PAGE, after: start.after })
    const events = reportEvents.edges.map(({ node }) => node)
    const next = events.length === PAGE ? reportEvents.edges.at(-1)?.cursor : undefined
    const page = { before: start.state, events, next }
    if (next) {
      this.#starts[index + 1] ??= { state: fold(start.state, events), after: next }
      this.#pages.set(index, page)
      const [oldest] = this.#pages.keys()
      if (this.#pages.size > KEPT_PAGES && oldest !== undefined) this.#pages.delete(oldest)
    }
    return page
  }
}
