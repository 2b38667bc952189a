import { setTimeout } from 'node:timers/promises'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { CodedError } from '../../errors.ts'
import { withTimeout } from '../../lib/timeout.ts'
import { cursorExpired, encodeCursor } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { type Read, readRange } from '../read/range.ts'
import type { Tail } from './tail.ts'

/** What a follower holds at most, give or take one event. */
const PAGE = { events: 100, bytes: 1_048_576 }

/** How long the database may take to answer, and how long a reader waits for one that does not, in milliseconds. */
const PATIENCE = { answer: 15_000, outage: 60_000 }

/** How long to wait before the database is asked again, in milliseconds. */
const RETRY_MS = 500

/** Whom a follower tells. */
interface Callbacks {
  /** It has ended. Called once. */
  onClose: () => void
  /** Something failed, and is tried again. */
  onError: (error: unknown) => void
}

/** Where to begin, what to deliver and when to end. */
export interface FollowOptions {
  /** The position after which to begin. */
  after: number
  /** What is known to be there when it begins. */
  head: number
  /** Stored names. Absent or empty: all types. */
  types?: readonly string[] | null
  /** Ends the stream once everything is delivered and the newest event of this type says so. */
  end?: { readonly type: string; readonly says: (event: LoggedEvent) => boolean }
  /** Called when the reader does not even collect the error that ended it. */
  cutOff?: () => void
}

/**
 * One reader of a stream: everything after a position, then whatever comes, in order, without a hole or a repeat. It reads only
 * as fast as it is asked, holds at most a page, and stops at once when it is told to, also while it waits.
 */
export class Follower implements AsyncGenerator<LoggedEvent, undefined> {
  readonly #events: AsyncGenerator<LoggedEvent, undefined>
  readonly #stop = new AbortController()
  readonly #tail: Tail
  readonly #callbacks: Callbacks
  /** Breaks the reader's connection. */
  readonly cutOff: () => void
  #position: number
  #scanned: number
  #idleSince: number | undefined
  #failure: CodedError | undefined
  #told = false

  constructor(db: PrismaClient, tail: Tail, options: FollowOptions, callbacks: Callbacks) {
    this.#tail = tail
    this.#position = options.after
    this.#scanned = options.after
    this.#callbacks = callbacks
    this.cutOff = options.cutOff ?? (() => undefined)
    this.#events = this.#follow(db, options)
  }

  get streamId(): string {
    return this.#tail.streamId
  }

  /** The position of what was delivered last, or of where it began. */
  get position(): number {
    return this.#position
  }

  /** The same, as a cursor. */
  get cursor(): string {
    return encodeCursor(this.#tail.streamId, this.#position)
  }

  /** How many events of its stream it has yet to look at, whether it wants them or not. */
  get lag(): number {
    return Math.max(0, this.#tail.head - Math.max(this.#position, this.#scanned))
  }

  async next(): Promise<IteratorResult<LoggedEvent, undefined>> {
    this.#idleSince = undefined
    try {
      const result = await this.#events.next()
      if (this.#failure && !this.#told) throw this.#tell(this.#failure)
      if (result.done) this.#close()
      else this.#position = result.value.seq
      return result
    } catch (error) {
      this.#close()
      throw error
    } finally {
      this.#idleSince = Date.now()
    }
  }

  async return(): Promise<IteratorResult<LoggedEvent, undefined>> {
    this.#told = true
    this.#close()
    return { done: true, value: undefined }
  }

  async throw(error: unknown): Promise<never> {
    this.#told = true
    this.#close()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  /** Whether the reader has left new events lying for longer than this, in milliseconds. */
  isSlow(limit: number): boolean {
    return this.#idleSince !== undefined && Date.now() - this.#idleSince > limit && this.#tail.head > this.#position
  }

  /** Ends it: the next read fails. */
  fail(failure: CodedError): void {
    this.#failure = failure
    this.#close()
  }

  /** Whether the reader has left, or knows that it was ended. */
  get isTold(): boolean {
    return this.#told
  }

  // Once: a reader that goes on after an error finds the end.
  #tell(failure: CodedError): CodedError {
    this.#told = true
    return failure
  }

  #close(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#callbacks.onClose()
  }

  async *#follow(db: PrismaClient, options: FollowOptions): AsyncGenerator<LoggedEvent, undefined> {
    const { after, head: known, types, end } = options
    const { signal } = this.#stop
    const wanted = types?.length ? new Set(types) : undefined
    const read = wanted && [...new Set([...wanted, ...(end ? [end.type] : [])])]
    let ended = end ? await this.#endedBefore(db, after, end) : false
    while (!signal.aborted) {
      const head = this.#tail.head
      const kept = this.#tail.after(this.#scanned, PAGE.events)
      const range = { streamId: this.#tail.streamId, types: read, low: this.#scanned, high: head + 1 }
      const { redactions } = this.#tail
      const page = kept
        ? { events: kept, more: true, first: 0, redactions }
        : await this.#read(() => readRange(db, range, 'ASC', PAGE))
      if (page.first > this.#scanned + 1) throw cursorExpired(this.streamId, page.first)
      let stale = false
      for (const event of page.events) {
        if (signal.aborted) return undefined
        // What is left of the page may hold what has been removed meanwhile.
        stale = this.#tail.redactions > page.redactions
        if (stale) break
        this.#scanned = event.seq
        if (end && event.type === end.type) ended = end.says(event)
        if (!wanted || wanted.has(event.type)) yield event
      }
      if (stale) continue
      // A page that is cut short ends where it ends, and so does one of the tail; any other has left nothing out up to the head.
      this.#scanned = (page.more ? page.events.at(-1)?.seq : head) ?? this.#scanned
      if (this.#scanned < this.#tail.head) continue
      // The tail may be behind what this reader was promised.
      if (ended && this.#scanned >= known) return undefined
      await this.#tail.changed(signal)
    }
    return undefined
  }

  async #endedBefore(
    db: PrismaClient,
    after: number,
    { type, says }: NonNullable<FollowOptions['end']>,
  ): Promise<boolean> {
    const range = { streamId: this.#tail.streamId, types: [type], low: 0, high: after + 1 }
    const { events } = await this.#read(() => readRange(db, range, 'DESC', { events: 1, bytes: 1 }))
    return events.some(says)
  }

  // A reader that is live survives an outage of the database: one that is still catching up does, too.
  async #read(read: () => Promise<Read>): Promise<Read> {
    const { signal } = this.#stop
    const until = Date.now() + PATIENCE.outage
    for (;;) {
      try {
        return await withTimeout(read(), PATIENCE.answer)
      } catch (error) {
        if (signal.aborted) return { events: [], more: false, cut: false, first: 0, redactions: 0 }
        if (Date.now() > until) throw error
        this.#callbacks.onError(error)
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
