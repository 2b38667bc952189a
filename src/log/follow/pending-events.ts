import type { LoggedEvent } from '../event.ts'
import type { Page, PageReader } from './page-reader.ts'
import type { Place } from './place.ts'
import { stepOf } from './step.ts'

/** The events that were read for one reader and are not delivered yet. They leave in steps, or in batches. */
export class PendingEvents {
  readonly #pages: PageReader
  readonly #place: Place
  #page: Page | undefined
  #index = 0
  /** What the events that were taken, and are not delivered, hold of the reader's memory. */
  #taken = 0
  #offeredAt: number | undefined
  #isCancelled = false

  constructor(pages: PageReader, place: Place) {
    this.#pages = pages
    this.#place = place
  }

  get isEmpty(): boolean {
    return !this.#page
  }

  /** For how long its reader has not collected what it could, in milliseconds. */
  get waitMs(): number {
    return this.#offeredAt === undefined ? 0 : performance.now() - this.#offeredAt
  }

  put(page: Page): void {
    this.#page = page
    this.#index = 0
    this.offer()
  }

  /** The next events, as many as fit into one step; none if they have changed since they were read. */
  nextStep(): readonly LoggedEvent[] {
    const events = this.#unchanged()?.events ?? []
    return events.slice(this.#index, this.#index + stepOf(events, this.#index))
  }

  /** Notes that this many of the next events are delivered now. @returns false if it was cleared: they must not be. */
  deliver(count: number): boolean {
    const page = this.#page
    if (!page) return false
    const { events, reach } = page
    this.#index += count
    if (this.#index * 2 >= events.length) this.#pages.readAfter(page)
    this.offer()
    const last = events[this.#index - 1]?.seq ?? this.#place.scanned
    this.#place.advance(last, last)
    if (this.#index === events.length) {
      this.clear()
      this.#place.advance(reach)
    }
    return true
  }

  /** Takes the next events for a batch, while it accepts them. @returns false if it did not accept all. */
  take(accept: (event: LoggedEvent) => boolean): boolean {
    const page = this.#unchanged()
    this.#offeredAt = undefined
    if (!page) return true
    const { events, reach } = page
    for (; this.#index < events.length; this.#index++) {
      const event = events[this.#index] as LoggedEvent
      if (!accept(event)) return false
      this.#place.advance(event.seq)
    }
    this.#taken += page.bytes
    this.#page = undefined
    this.#pages.readAfter(page)
    this.#place.advance(reach)
    return true
  }

  /** Passes all of them, for a reader that only needs to know that there are some. */
  skip(): void {
    const page = this.#unchanged()
    if (!page) return
    this.clear()
    this.#pages.readAfter(page)
    this.#place.advance(page.reach)
  }

  /** Notes that its reader can collect events now: those that are next, or a batch of those that were taken. */
  offer(): void {
    this.#offeredAt = performance.now()
  }

  /** @param seq where the batch ends; the rest is read again. @returns false if it was cancelled: deliver nothing. */
  deliverTaken(seq = this.#place.scanned): boolean {
    if (this.#isCancelled) return false
    this.#offeredAt = undefined
    this.#releaseTaken()
    this.#place.advance(seq, seq)
    if (seq < this.#place.scanned) this.rewind()
    return true
  }

  /** Goes back to where the last batch ended, even from the end of the stream. */
  rewind(): void {
    this.clear()
    this.#releaseTaken()
    this.#place.rewind()
  }

  /** Makes room for other readers, while this one does not collect its events: they are read again when it does. */
  drop(): void {
    if (this.#releasePage()) this.#pages.slowDown()
  }

  clear(): void {
    this.#releasePage()
    this.#offeredAt = undefined
  }

  /** From now on nothing may be delivered, not even what was taken. */
  cancel(): void {
    this.#isCancelled = true
    this.clear()
  }

  /** @returns whether there was one. */
  #releasePage(): boolean {
    const page = this.#page
    this.#page = undefined
    if (page) this.#pages.release(page.bytes)
    return page !== undefined
  }

  #releaseTaken(): void {
    this.#pages.release(this.#taken)
    this.#taken = 0
  }

  #unchanged(): Page | undefined {
    if (this.#page && !this.#pages.isUnchanged(this.#page)) this.clear()
    return this.#page
  }
}
