import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { Holding } from '../../lib/budget/memory-budget.ts'
import { type Bounds, cursorExpired, historyChanged } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { type Range, readRange } from '../read/range.ts'
import { hasRemoved } from '../read/removed.ts'
import type { EventFilter } from './event-filter.ts'
import { streamDeleted } from './failures.ts'
import type { Follower } from './follower.ts'
import type { OutageRetry } from './outage-retry.ts'
import type { Place } from './place.ts'
import { ReadAhead } from './read-ahead.ts'
import { STEP, stepOf } from './step.ts'
import type { Tail } from './tail.ts'

/** Most of a page; a fast reader has the next one read ahead. */
const PAGE = { events: 1_000, bytes: 524_288 }

/** Most of a page of a slow reader, which would be given the rest of a larger one too late, and read it again. */
const SMALL_PAGE = { events: 64, bytes: 65_536 }

/** What an event takes besides its payload, in bytes: 200 to 300 were measured. */
const EVENT_BYTES = 256

/** Events that a reader wants; once they are delivered, it has scanned all up to `reach`. */
export interface Page {
  readonly events: readonly LoggedEvent[]
  readonly reach: number
  /** Whether the log has more events after it. */
  readonly more: boolean
  readonly redactions: number
  readonly histories: number
  /** What it holds of the reader's memory. */
  readonly bytes: number
}

/** What comes next: events, the wait for new ones, the end, or a batch, as there is no room for more events. */
export type Next = 'events' | 'head' | 'end' | 'full'

/** Reads what one reader has not scanned: from the tail, which holds the newest events, or else from the log. */
export class PageReader {
  readonly #db: PrismaClient
  readonly #tail: Tail
  readonly #place: Place
  readonly #filter: EventFilter
  readonly #retry: OutageRetry
  readonly #memory: Holding
  /** Whether the bytes of a page are reserved for the next one. */
  #hasRoom = false
  #isSlow = false
  #ahead: ReadAhead | undefined
  #known: number
  #histories: number
  /** Whether the newest event of the type that may end the stream does; unknown before the first read. */
  #ended: boolean | undefined
  #isStopped = false
  #onStop: (() => void) | undefined

  /** @param known the head at the start, which the tail may not have reached; the reader does not stop before it. */
  constructor(
    db: PrismaClient,
    tail: Tail,
    known: number,
    reader: Pick<Follower, 'place' | 'filter' | 'retry' | 'memory'>,
  ) {
    this.#db = db
    this.#tail = tail
    this.#known = known
    this.#histories = tail.histories
    this.#place = reader.place
    this.#filter = reader.filter
    this.#retry = reader.retry
    this.#memory = reader.memory
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
  async read(): Promise<Page | 'full' | undefined> {
    if (this.#ended === undefined) return this.#findEnd()
    if (this.#tail.histories !== this.#histories) return this.#checkHistory()
    return this.#readPage()
  }

  /** Begins to read what follows a page, while the rest of it is delivered, if there is room for it. */
  readAfter({ reach, more }: Page): void {
    if (!more || this.#isSlow || this.#ahead?.range.low === reach) return
    this.#hasRoom ||= this.#memory.tryReserve(PAGE.bytes)
    if (!this.#hasRoom) return
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
    this.#hasRoom = false
    this.#memory.release()
    this.#onStop?.()
  }

  /** From now on, little is read in advance: what was read had to be dropped, as its reader did not collect it. */
  slowDown(): void {
    this.#isSlow = true
    this.#ahead = undefined
    this.#giveRoomBack()
  }

  /** Of events that are delivered, or not wanted any more. */
  release(bytes: number): void {
    if (bytes > 0) this.#memory.release(bytes)
  }

  get #hasReached(): boolean {
    const { head, histories } = this.#tail
    return this.#place.scanned >= Math.max(head, this.#known) && histories === this.#histories
  }

  async #readPage(): Promise<Page | 'full' | undefined> {
    const { head, epoch, redactions } = this.#tail
    const { scanned } = this.#place
    const isKept = epoch === this.#place.epoch && scanned < head
    const kept = isKept ? this.#tail.after(scanned, STEP.events) : undefined
    // The tail may move on meanwhile.
    if (!kept && !this.#hasRoom) return this.#makeRoom()
    const ahead = this.#ahead?.isCurrent(scanned) ? this.#ahead : undefined
    this.#ahead = undefined
    const range = ahead?.range ?? this.#rangeAfter(scanned)
    const read = kept
      ? { events: kept.slice(0, stepOf(kept)), more: true, first: 0, head, epoch }
      : ((await ahead?.result) ??
        (await this.#retry.run(() => readRange(this.#db, range, 'ASC', this.#isSlow ? SMALL_PAGE : PAGE))))
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
    // What the tail keeps is not charged: it is shared, and no more than is delivered at once.
    const bytes = kept ? 0 : sizeOf(events)
    this.#giveRoomBack(bytes)
    if (events.length > 0) {
      return { events, reach, more: !kept && read.more, redactions, histories: this.#histories, bytes }
    }
    this.#place.advance(reach)
    return undefined
  }

  // Pages that thousands of readers were given, and do not collect, could take the whole heap.
  async #makeRoom(): Promise<'full' | undefined> {
    this.#hasRoom = this.#memory.tryReserve(PAGE.bytes)
    if (this.#hasRoom) return undefined
    // Readers that hold events and wait for each other would wait forever.
    if (this.#memory.bytes > 0) return 'full'
    const reserved = this.#memory.wait(PAGE.bytes, Number.POSITIVE_INFINITY).then(() => {
      if (this.#isStopped) this.#memory.release()
      else this.#hasRoom = true
    })
    const stopped = new Promise<void>((resolve) => {
      this.#onStop = resolve
    })
    await Promise.race([reserved, stopped])
    return undefined
  }

  /** @param taken of the room, in bytes: a single event may take more. */
  #giveRoomBack(taken = 0): void {
    if (this.#isStopped) return
    const rest = (this.#hasRoom ? PAGE.bytes : 0) - taken
    this.#hasRoom = false
    if (rest > 0) this.#memory.release(rest)
    else if (rest < 0) this.#memory.add(-rest)
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
    this.#giveRoomBack()
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

function sizeOf(events: readonly LoggedEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length + EVENT_BYTES, 0)
}
