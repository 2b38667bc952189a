import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { CodedError } from '../../errors.ts'
import type { Holding } from '../../lib/budget/memory-budget.ts'
import type { LoggedEvent } from '../event.ts'
import type { Stream } from '../read/stream-index.ts'
import { EventFilter, type FilterOptions } from './event-filter.ts'
import { OutageRetry } from './outage-retry.ts'
import { type Next, PageReader } from './page-reader.ts'
import { PendingEvents } from './pending-events.ts'
import { Place } from './place.ts'
import type { Tail } from './tail.ts'

/** All followers of a stream. */
interface Group {
  onClose(follower: Follower): void
  onError(error: unknown): void
}

export interface FollowOptions extends FilterOptions {
  after: number
  /** Charged for events that were read and are not delivered yet. */
  memory: Holding
  /** Is cut off when it does not collect even the error that ended the follower. */
  client?: { cutOff(): void }
}

/** Reads a stream for one reader, on demand, gapless and in order, up to the head and from there as it grows. */
export class Follower implements AsyncIterable<LoggedEvent> {
  readonly tail: Tail
  readonly place: Place
  readonly filter: EventFilter
  readonly retry: OutageRetry
  readonly memory: Holding
  readonly pending: PendingEvents
  /** Called when the follower is ended from outside; `prepare` then throws why. */
  reader: { onStop(): void } | undefined
  readonly #pages: PageReader
  readonly #group: Group
  readonly #client: FollowOptions['client']
  #failure: CodedError | undefined
  #isClosed = false
  #isDone = false

  /** @param stream as known at the start; the follower does not end before its head. */
  constructor(db: PrismaClient, tail: Tail, stream: Stream, options: FollowOptions, group: Group) {
    this.tail = tail
    this.place = new Place(tail.streamId, options.after, stream.epoch)
    this.filter = new EventFilter(options)
    this.retry = new OutageRetry(group.onError)
    this.memory = options.memory
    this.#pages = new PageReader(db, tail, stream.head, this)
    this.pending = new PendingEvents(this.#pages, this.place)
    this.#group = group
    this.#client = options.client
  }

  /** Events of the stream not scanned yet, of any type. */
  get lag(): number {
    return Math.max(0, this.tail.head - Math.max(this.place.position, this.place.scanned))
  }

  /** The same as of the newest read of the stream, which may be ahead of the tail. */
  get behind(): number {
    return this.#pages.behind
  }

  /** Whether it has nothing to do until the tail grows. */
  get isAtHead(): boolean {
    return !this.#isClosed && this.pending.isEmpty && this.#pages.next === 'head'
  }

  get isOver(): boolean {
    return this.pending.isEmpty && this.#pages.next === 'end'
  }

  /** Why it was ended before its reader left; absent where it was not. */
  get failure(): CodedError | undefined {
    return this.#failure
  }

  /** Whether the reader has left or has collected the error. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Reads the next events, unless some are pending. @throws what ended it, once: a call after that finds the end. */
  async prepare(): Promise<Next> {
    try {
      for (;;) {
        if (this.#failure && !this.#isDone) throw this.#failure
        if (this.#isClosed) return 'end'
        if (!this.pending.isEmpty) return 'events'
        const { next } = this.#pages
        if (next !== 'events') return next
        const page = await this.#pages.read()
        if (page === 'full') return page
        if (page && !this.#isClosed) this.pending.put(page)
      }
    } catch (error) {
      this.return()
      throw error
    }
  }

  return(): void {
    this.#isDone = true
    this.#close()
  }

  fail(failure: CodedError): void {
    this.#failure = failure
    this.pending.cancel()
    this.#close()
  }

  cutOff(): void {
    this.#client?.cutOff()
  }

  /** Whether its reader has left new events uncollected for longer than this, in milliseconds. */
  isSlow(limit: number): boolean {
    return this.pending.waitMs > limit && this.tail.head > this.place.position
  }

  /** A subscription's source must be iterable; `subscriptions/` reads it in steps. */
  [Symbol.asyncIterator](): AsyncIterator<LoggedEvent> {
    throw new Error('A follower is read in steps.')
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.pending.clear()
    this.#pages.stop()
    this.retry.stop()
    this.#group.onClose(this)
    this.reader?.onStop()
  }
}
