import { setTimeout } from 'node:timers/promises'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { type Bounds, cursorExpired, encodeCursor, historyChanged } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { MissingEventsError } from '../read/damage.ts'
import { type Range, type Read, readRange } from '../read/range.ts'
import { hasRemoved } from '../read/removed.ts'
import type { Stream } from '../read/stream-index.ts'
import type { Tail } from './tail.ts'

/** Most of a page; a fast reader has the next one read ahead. */
const PAGE = { events: 1_000, bytes: 524_288 }

/** Most that is delivered at once: events, and UTF-16 units of payload beyond the first event. */
const STEP = { events: 64, text: 32_768 } as const

/** The longest database outage that a reader survives, in milliseconds; its client limits each statement. */
const OUTAGE_MS = 60_000

const RETRY_MS = 500

/** What ends the followers of a stream that was deleted. */
export function streamDeleted(streamId: string, cursor: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${streamId} no longer exists.`, { cursor })
}

/** All followers of a stream. */
interface Group {
  onClose(follower: Follower): void
  onError(error: unknown): void
}

export interface FollowOptions {
  after: number
  /** Stored names; absent or empty: all types. */
  types?: readonly string[] | null
  /** Ends the stream once all is delivered and `says` holds for the newest event of this type. */
  end?: { readonly type: string; readonly says: (event: LoggedEvent) => boolean }
  /** Goes on past wanted events that retention has removed, which end it otherwise. */
  passesRemoved?: boolean
  /** Is cut off when it does not collect even the error that ended the follower. */
  client?: { cutOff(): void }
}

/** Events that were read and not delivered yet; once they are, the reader has scanned all up to `reach`. */
interface Page {
  readonly events: readonly LoggedEvent[]
  readonly reach: number
  /** Whether the log has more events after it. */
  readonly more: boolean
  readonly redactions: number
}

/** A read of the next page, begun before it is needed. */
interface Ahead {
  readonly range: Range
  /** As of when it began. */
  readonly version: string
  readonly missing: number
  /** Undefined if it failed: then it is read again, as pages are. */
  readonly read: Promise<Read | undefined>
}

/** What comes next: events to be delivered, the wait for new ones, or the end. */
export type Next = 'events' | 'head' | 'end'

/** The place of one reader in a stream: it reads events on demand up to the head, gapless and in order. */
export class Follower implements AsyncIterable<LoggedEvent> {
  readonly tail: Tail
  readonly #db: PrismaClient
  readonly #options: FollowOptions
  readonly #group: Group
  readonly #wanted: ReadonlySet<string> | undefined
  /** Told when it is ended from outside; it then finds out why by `prepare`. */
  reader: { onStop(): void } | undefined
  #page: Page | undefined
  #index = 0
  #ahead: Ahead | undefined
  #position: number
  #scanned: number
  #known: number
  #epoch: number
  #histories: number
  /** Whether `end` holds; unknown before the first read. */
  #ended: boolean | undefined
  #idleSince: number | undefined
  #failure: CodedError | undefined
  #isClosed = false
  #isDone = false
  #waiting: AbortController | undefined

  /** @param stream as known at the start; the follower does not end before its head. */
  constructor(db: PrismaClient, tail: Tail, stream: Stream, options: FollowOptions, group: Group) {
    this.#db = db
    this.tail = tail
    this.#options = options
    this.#group = group
    this.#wanted = options.types?.length ? new Set(options.types) : undefined
    this.#position = options.after
    this.#scanned = options.after
    this.#known = stream.head
    this.#epoch = stream.epoch
    this.#histories = tail.histories
  }

  get streamId(): string {
    return this.tail.streamId
  }

  get position(): number {
    return this.#position
  }

  /** All up to here is delivered, or not wanted. */
  get scanned(): number {
    return this.#scanned
  }

  get epoch(): number {
    return this.#epoch
  }

  get cursor(): string {
    return encodeCursor(this.tail.streamId, { seq: this.#position, epoch: this.#epoch })
  }

  /** Events of the stream not scanned yet, of any type. */
  get lag(): number {
    return Math.max(0, this.tail.head - Math.max(this.#position, this.#scanned))
  }

  /** Whether it has nothing to do until the tail grows. */
  get isAtHead(): boolean {
    return !this.#isClosed && !this.#page && this.#hasReached && this.#ended === false
  }

  get isOver(): boolean {
    return this.#ended === true && !this.#page && this.#hasReached
  }

  /** Differs once events that were read may have been redacted, or taken back by a restore. */
  get version(): string {
    return `${this.tail.redactions} ${this.tail.histories}`
  }

  /** Reads the next events, unless some are at hand. @throws what ended it, once. */
  async prepare(): Promise<Next> {
    this.#idleSince = this.#page && this.#idleSince
    try {
      for (;;) {
        if (this.#failure && !this.#isDone) throw this.#once(this.#failure)
        if (this.#isClosed) return 'end'
        if (this.#page) return 'events'
        if (this.#ended === undefined) await this.#findEnd()
        else if (!this.#hasReached) await this.#read()
        else return this.isOver ? 'end' : 'head'
      }
    } catch (error) {
      this.#isDone = true
      this.#close()
      throw error
    } finally {
      if (this.#page) this.#idleSince ??= performance.now()
    }
  }

  /** The next events, as many as fit into one step; none if they have changed since they were read. */
  nextStep(): readonly LoggedEvent[] {
    const events = this.#unchanged?.events ?? []
    return events.slice(this.#index, this.#index + stepOf(events, this.#index))
  }

  /** Notes that this many of the next events are delivered now. @returns false if it has ended: they must not be. */
  deliver(count: number): boolean {
    if (!this.#page || this.#isClosed) return false
    const { events, reach, more } = this.#page
    this.#index += count
    if (more && this.#index * 2 >= events.length) this.#readAhead(reach)
    this.#idleSince = performance.now()
    const last = events[this.#index - 1]?.seq ?? this.#scanned
    this.advance(last, last)
    if (this.#index === events.length) {
      this.#page = undefined
      this.#idleSince = undefined
      this.advance(reach)
    }
    return true
  }

  /** Notes how far its reader has come. @param position of the last event that was delivered; absent: none was. */
  advance(scanned: number, position = this.#position): void {
    this.#scanned = Math.max(this.#scanned, scanned)
    this.#position = position
  }

  /** Events of any type after those that were scanned, as of the newest read of the stream. */
  get behind(): number {
    return Math.max(0, this.tail.head - this.#scanned, this.#known - this.#scanned)
  }

  /** Takes the next events for a batch, while it accepts them. @returns false if it did not accept all at hand. */
  take(accept: (event: LoggedEvent) => boolean): boolean {
    this.#idleSince = undefined
    const page = this.#unchanged
    if (!page) return true
    const { events, reach, more } = page
    for (; this.#index < events.length; this.#index++) {
      const event = events[this.#index] as LoggedEvent
      if (!accept(event)) return false
      this.advance(event.seq)
    }
    this.#page = undefined
    if (more) this.#readAhead(reach)
    this.advance(reach)
    return true
  }

  /** Notes that a batch of all that was taken waits for its reader. */
  offer(): void {
    this.#idleSince = performance.now()
  }

  /** @param seq where the batch ends; the rest is read again. @returns false if it has ended: deliver nothing. */
  deliverTaken(seq = this.#scanned): boolean {
    if (this.#failure) return false
    this.#idleSince = undefined
    this.#position = seq
    if (seq < this.#scanned) this.rewind()
    return true
  }

  /** Goes back to where the last batch ended, even from the end of the stream. */
  rewind(): void {
    this.#page = undefined
    this.#scanned = this.#position
  }

  get isFiltered(): boolean {
    return this.#wanted !== undefined
  }

  wants({ type }: LoggedEvent): boolean {
    return !this.#wanted || this.#wanted.has(type)
  }

  /** Whether the stream ends with this event, unless it goes on after it. */
  isEnd(event: LoggedEvent): boolean {
    const { end } = this.#options
    return end?.type === event.type && end.says(event)
  }

  return(): void {
    this.#isDone = true
    this.#close()
  }

  fail(failure: CodedError): void {
    this.#failure = failure
    this.#close()
  }

  cutOff(): void {
    this.#options.client?.cutOff()
  }

  isSlow(limit: number): boolean {
    return (
      this.#idleSince !== undefined && performance.now() - this.#idleSince > limit && this.tail.head > this.#position
    )
  }

  /** Why it was ended before its reader left; absent where it was not. */
  get failure(): CodedError | undefined {
    return this.#failure
  }

  /** Whether the reader has left or has collected the error. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** A subscription's source must be iterable; `subscriptions/` reads it in steps. */
  [Symbol.asyncIterator](): AsyncIterator<LoggedEvent> {
    throw new Error('A follower is read in steps.')
  }

  // A restore takes redactions back, and may take events back.
  get #unchanged(): Page | undefined {
    const { redactions, histories } = this.tail
    if (redactions !== this.#page?.redactions || histories !== this.#histories) this.#page = undefined
    return this.#page
  }

  // The tail may be behind the head known at the start.
  get #hasReached(): boolean {
    const { head, histories } = this.tail
    return this.#scanned >= Math.max(head, this.#known) && histories === this.#histories
  }

  // Thrown once; a read after the error finds the end.
  #once(failure: CodedError): CodedError {
    this.#isDone = true
    return failure
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#page = undefined
    this.#ahead = undefined
    this.#waiting?.abort()
    this.#group.onClose(this)
    this.reader?.onStop()
  }

  async #read(): Promise<void> {
    const { tail } = this
    if (tail.histories !== this.#histories) return this.#checkHistory()
    const { head, epoch, redactions } = tail
    const isKept = epoch === this.#epoch && this.#scanned < head
    const kept = isKept ? tail.after(this.#scanned, PAGE.events) : undefined
    const ahead = this.#ahead
    this.#ahead = undefined
    const begun = !kept && ahead && this.#isNext(ahead) ? ahead : undefined
    const range = begun?.range ?? this.#after(this.#scanned)
    const read = kept
      ? { events: kept, more: true, first: 0, head, epoch }
      : ((await begun?.read) ?? (await this.retry(() => readRange(this.#db, range, 'ASC', PAGE))))
    if (!read || this.#isClosed) return
    if (read.epoch !== this.#epoch || read.head < this.#scanned) return this.#checkHistory()
    if (!kept) this.#known = Math.min(this.#known, read.head)
    if (read.first > this.#scanned + 1) {
      await this.#passRemoved(read)
      // A final state is kept while it is the newest, so a state before the gap is not it.
      this.#ended = false
    }
    const { end } = this.#options
    for (const event of read.events) if (event.type === end?.type) this.#ended = end.says(event)
    const events = this.#wanted ? read.events.filter((event) => this.wants(event)) : read.events
    // A truncated page, or one of the tail, ends at its last event; any other covers everything up to the head.
    const reach = (read.more ? read.events.at(-1)?.seq : Math.min(range.high - 1, read.head)) ?? 0
    if (events.length > 0) {
      this.#page = { events, reach, more: !kept && read.more, redactions }
      this.#index = 0
    } else this.advance(reach)
  }

  #after(low: number): Range {
    const { head, missing } = this.tail
    // Read without a filter, a range that lacks an event fails.
    const types = missing > low ? undefined : this.#types
    return { streamId: this.streamId, types, low, high: Math.max(head, this.#known) + 1 }
  }

  // While the rest of a page is delivered, so that a fast reader does not wait for the database.
  #readAhead(low: number): void {
    if (this.#ahead?.range.low === low) return
    const range = this.#after(low)
    const read = readRange(this.#db, range, 'ASC', PAGE).catch(() => undefined)
    this.#ahead = { range, version: this.version, missing: this.tail.missing, read }
  }

  #isNext({ range, version, missing }: Ahead): boolean {
    return range.low === this.#scanned && version === this.version && missing === this.tail.missing
  }

  get #types(): string[] | undefined {
    const { end } = this.#options
    return this.#wanted && [...new Set([...this.#wanted, ...(end ? [end.type] : [])])]
  }

  // Retention has removed the next events: they must be of types that this reader does not want, unless it passes them.
  async #passRemoved({ first, epoch }: Bounds): Promise<void> {
    const { types, passesRemoved } = this.#options
    const wanted = { types, side: 'NEWER' } as const
    const missed =
      !passesRemoved && (await this.retry(() => hasRemoved(this.#db, this.streamId, this.#scanned, wanted)))
    if (missed) throw cursorExpired(this.streamId, { first, epoch })
    this.advance(first - 1)
  }

  // What was read, or looked at, must be part of the present history.
  async #checkHistory(): Promise<void> {
    const { histories, streamId } = this.tail
    const found = await this.retry(async () => {
      const continuation = await this.tail.continuationOf(this.#epoch)
      if (!continuation) throw streamDeleted(streamId, this.cursor)
      return continuation
    })
    if (!found) return
    const { now, shared } = found
    if (shared === undefined || Math.max(this.#scanned, this.#position) > shared)
      throw historyChanged(streamId, now, shared)
    this.#epoch = now.epoch
    this.#histories = histories
    this.#known = Math.min(this.#known, now.head)
  }

  async #findEnd(): Promise<void> {
    const { after, end } = this.#options
    if (!end) {
      this.#ended = false
      return
    }
    const range = { streamId: this.streamId, types: [end.type], low: 0, high: after + 1 }
    const read = await this.retry(() => readRange(this.#db, range, 'DESC', { events: 1, bytes: 1 }))
    this.#ended = read?.events.some(end.says) === true
  }

  /** Reads through a database outage, as a live reader survives it. @returns undefined once the reader has left. */
  async retry<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    const until = performance.now() + OUTAGE_MS
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (this.#isClosed) return undefined
        const isFinal = error instanceof CodedError && error.code !== 'UNAVAILABLE'
        if (performance.now() > until || error instanceof MissingEventsError || isFinal) throw error
        this.#group.onError(error)
        this.#waiting ??= new AbortController()
        await setTimeout(RETRY_MS, undefined, { signal: this.#waiting.signal }).catch(() => undefined)
      }
    }
  }
}

/** How many events, from this index on, make up one step. */
export function stepOf(events: readonly LoggedEvent[], from = 0): number {
  let text = 0
  let index = from
  for (; index < events.length && index - from < STEP.events; index++) {
    text += events[index]?.data.length ?? 0
    if (text > STEP.text && index > from) break
  }
  return index - from
}
