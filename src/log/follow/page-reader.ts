import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { type Bounds, cursorExpired, historyChanged } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { type Range, readRange } from '../read/range.ts'
import { hasRemoved } from '../read/removed.ts'
import type { EventFilter } from './event-filter.ts'
import { streamDeleted } from './failures.ts'
import type { OutageRetry } from './outage-retry.ts'
import type { Place } from './place.ts'
import { ReadAhead } from './read-ahead.ts'
import type { Tail } from './tail.ts'

/** Most of a page; a fast reader has the next one read ahead. */
const PAGE = { events: 1_000, bytes: 524_288 }

/** Events that a reader wants; once they are delivered, it has scanned all up to `reach`. */
export interface Page {
  readonly events: readonly LoggedEvent[]
  readonly reach: number
  /** Whether the log has more events after it. */
  readonly more: boolean
  readonly redactions: number
  readonly histories: number
}

/** What comes next: events, the wait for new ones, or the end. */
export type Next = 'events' | 'head' | 'end'

/** Reads what one reader has not scanned: from the tail, which holds the newest events, or else from the log. */
export class PageReader {
  readonly #db: PrismaClient
  readonly #tail: Tail
  readonly #place: Place
  readonly #filter: EventFilter
  readonly #retry: OutageRetry
  #ahead: ReadAhead | undefined
  #known: number
  #histories: number
  /** Whether the newest event of the type that may end the stream does; unknown before the first read. */
  #ended: boolean | undefined
  #isStopped = false

  /** @param known the head at the start, which the tail may not have reached; the reader does not stop before it. */
  constructor(
    db: PrismaClient,
    tail: Tail,
    known: number,
    reader: { readonly place: Place; readonly filter: EventFilter; readonly retry: OutageRetry },
  ) {
    this.#db = db
    this.#tail = tail
    this.#known = known
    this.#histories = tail.histories
    this.#place = reader.place
    this.#filter = reader.filter
    this.#retry = reader.retry
  }

  /** 'events' if there are events to read, of any type. */
  get next(): Next {
    if (this.#ended === undefined || !this.#hasReached) return 'events'
    return this.#ended ? 'end' : 'head'
  }

  /** Events of any type after those that were scanned, as of the newest read of the stream. */
  get behind(): number {
    return Math.max(0, Math.max(this.#tail.head, this.#known) - this.#place.scanned)
  }

  /** A step towards the head. @returns the next page, if it has events that are wanted. */
  async read(): Promise<Page | undefined> {
    if (this.#ended === undefined) return this.#findEnd()
    if (this.#tail.histories !== this.#histories) return this.#checkHistory()
    return this.#readPage()
  }

  /** Begins to read what follows a page, while the rest of it is delivered. */
  readAfter({ reach, more }: Page): void {
    if (!more || this.#ahead?.range.low === reach) return
    const range = this.#rangeAfter(reach)
    this.#ahead = new ReadAhead(this.#tail, range, readRange(this.#db, range, 'ASC', PAGE))
  }

  /** Whether its events are as they were read: a redaction or a restore may have changed them. */
  isUnchanged(page: Page): boolean {
    const { redactions, histories } = this.#tail
    return redactions === page.redactions && histories === page.histories
  }

  stop(): void {
    this.#isStopped = true
    this.#ahead = undefined
  }

  get #hasReached(): boolean {
    const { head, histories } = this.#tail
    return this.#place.scanned >= Math.max(head, this.#known) && histories === this.#histories
  }

  async #readPage(): Promise<Page | undefined> {
    const { head, epoch, redactions } = this.#tail
    const { scanned } = this.#place
    const isKept = epoch === this.#place.epoch && scanned < head
    const kept = isKept ? this.#tail.after(scanned, PAGE.events) : undefined
    const ahead = this.#ahead
    this.#ahead = undefined
    const begun = !kept && ahead?.isCurrent(scanned) ? ahead : undefined
    const range = begun?.range ?? this.#rangeAfter(scanned)
    const read = kept
      ? { events: kept, more: true, first: 0, head, epoch }
      : ((await begun?.result) ?? (await this.#retry.run(() => readRange(this.#db, range, 'ASC', PAGE))))
    if (!read || this.#isStopped) return undefined
    if (read.epoch !== this.#place.epoch || read.head < this.#place.scanned) return this.#checkHistory()
    if (!kept) this.#known = Math.min(this.#known, read.head)
    if (read.first > this.#place.scanned + 1) {
      await this.#passRemoved(read)
      // A final state is kept while it is the newest, so a state before the gap is not it.
      this.#ended = false
    }
    const { end } = this.#filter
    for (const event of read.events) if (event.type === end?.type) this.#ended = end.says(event)
    const events = this.#filter.wantsAll ? read.events : read.events.filter((event) => this.#filter.wants(event))
    // A truncated page, or one of the tail, ends at its last event; any other covers everything up to the head.
    const reach = (read.more ? read.events.at(-1)?.seq : Math.min(range.high - 1, read.head)) ?? 0
    if (events.length > 0) {
      return { events, reach, more: !kept && read.more, redactions, histories: this.#histories }
    }
    this.#place.advance(reach)
    return undefined
  }

  #rangeAfter(low: number): Range {
    const { streamId, head, missing } = this.#tail
    // Read without a filter, a range that lacks an event fails.
    const types = missing > low ? undefined : this.#filter.read
    return { streamId, types, low, high: Math.max(head, this.#known) + 1 }
  }

  // Retention has removed the next events: they must be of types that this reader does not want, unless it passes them.
  async #passRemoved({ first, epoch }: Omit<Bounds, 'head'>): Promise<void> {
    const { streamId, scanned } = this.#place
    const filter = { types: this.#filter.wanted, side: 'NEWER' } as const
    const mayMiss = !this.#filter.passesRemoved
    const missed = mayMiss && (await this.#retry.run(() => hasRemoved(this.#db, streamId, scanned, filter)))
    if (missed) throw cursorExpired(streamId, { first, epoch })
    this.#place.advance(first - 1)
  }

  // All that was scanned or delivered must be part of the present history.
  async #checkHistory(): Promise<undefined> {
    const { histories, streamId } = this.#tail
    const found = await this.#retry.run(async () => {
      const continuation = await this.#tail.continuationOf(this.#place.epoch)
      if (!continuation) throw streamDeleted(streamId, this.#place.cursor)
      return continuation
    })
    if (!found) return
    const { now, shared } = found
    if (shared === undefined || Math.max(this.#place.scanned, this.#place.position) > shared)
      throw historyChanged(streamId, now, shared)
    this.#place.epoch = now.epoch
    this.#histories = histories
    this.#known = Math.min(this.#known, now.head)
  }

  async #findEnd(): Promise<undefined> {
    const { end } = this.#filter
    if (!end) {
      this.#ended = false
      return
    }
    const range = { streamId: this.#place.streamId, types: [end.type], low: 0, high: this.#place.position + 1 }
    const read = await this.#retry.run(() => readRange(this.#db, range, 'DESC', { events: 1, bytes: 1 }))
    this.#ended = read?.events.some(end.says) === true
  }
}
