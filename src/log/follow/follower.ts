import { setTimeout } from 'node:timers/promises'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { type Bounds, cursorExpired, encodeCursor, historyChanged } from '../cursor.ts'
import type { LoggedEvent } from '../event.ts'
import { MissingEventsError } from '../read/damage.ts'
import { readRange } from '../read/range.ts'
import { hasRemoved } from '../read/removed.ts'
import type { Stream } from '../read/stream-index.ts'
import type { Tail } from './tail.ts'

const PAGE = { events: 100, bytes: 1_048_576 }

/** The longest database outage that a reader survives, in milliseconds; its client limits each statement. */
const OUTAGE_MS = 60_000

const RETRY_MS = 500

/** What ends the followers of a stream that was deleted. */
export function streamDeleted(streamId: string, cursor: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${streamId} does not exist any more.`, { cursor })
}

interface Callbacks {
  onClose: () => void
  onError: (error: unknown) => void
}

export interface FollowOptions {
  after: number
  /** Stored names; absent or empty: all types. */
  types?: readonly string[] | null
  /** Ends the stream once all is delivered and `says` holds for the newest event of this type. */
  end?: { readonly type: string; readonly says: (event: LoggedEvent) => boolean }
  /** Called when the reader does not collect even the error that ended it. */
  cutOff?: () => void
}

/** Replay, then live events, in order, gapless; reads on demand, buffers a page, stops at once even while waiting. */
export class Follower implements AsyncGenerator<LoggedEvent, undefined> {
  readonly #events: AsyncGenerator<LoggedEvent, undefined>
  readonly #stop = new AbortController()
  readonly #tail: Tail
  readonly #callbacks: Callbacks
  readonly cutOff: () => void
  #position: number
  #epoch: number
  #histories: number
  #scanned: number
  #idleSince: number | undefined
  #failure: CodedError | undefined
  #isDone = false

  /** @param stream as known at the start; the follower does not end before its head. */
  constructor(db: PrismaClient, tail: Tail, stream: Stream, options: FollowOptions, callbacks: Callbacks) {
    this.#tail = tail
    this.#epoch = stream.epoch
    this.#histories = tail.histories
    this.#position = options.after
    this.#scanned = options.after
    this.#callbacks = callbacks
    this.cutOff = options.cutOff ?? (() => undefined)
    this.#events = this.#follow(db, stream.head, options)
  }

  get streamId(): string {
    return this.#tail.streamId
  }

  get position(): number {
    return this.#position
  }

  get cursor(): string {
    return encodeCursor(this.#tail.streamId, { seq: this.#position, epoch: this.#epoch })
  }

  /** Events of the stream not scanned yet, of any type. */
  get lag(): number {
    return Math.max(0, this.#tail.head - Math.max(this.#position, this.#scanned))
  }

  async next(): Promise<IteratorResult<LoggedEvent, undefined>> {
    this.#idleSince = undefined
    try {
      const result = await this.#events.next()
      if (this.#failure && !this.#isDone) throw this.#once(this.#failure)
      if (result.done) this.#close()
      else this.#position = result.value.seq
      return result
    } catch (error) {
      this.#close()
      throw error
    } finally {
      this.#idleSince = performance.now()
    }
  }

  async return(): Promise<IteratorResult<LoggedEvent, undefined>> {
    this.#isDone = true
    this.#close()
    return { done: true, value: undefined }
  }

  async throw(error: unknown): Promise<never> {
    this.#isDone = true
    this.#close()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  isSlow(limit: number): boolean {
    return (
      this.#idleSince !== undefined && performance.now() - this.#idleSince > limit && this.#tail.head > this.#position
    )
  }

  fail(failure: CodedError): void {
    this.#failure = failure
    this.#close()
  }

  /** Why it was ended before its reader left; absent where it was not. */
  get failure(): CodedError | undefined {
    return this.#failure
  }

  /** Whether the reader has left or has collected the error. */
  get isDone(): boolean {
    return this.#isDone
  }

  // Thrown once; a read after the error finds the end.
  #once(failure: CodedError): CodedError {
    this.#isDone = true
    return failure
  }

  #close(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#callbacks.onClose()
  }

  async *#follow(db: PrismaClient, known: number, options: FollowOptions): AsyncGenerator<LoggedEvent, undefined> {
    const { after, end } = options
    const { signal } = this.#stop
    const wanted = options.types?.length ? new Set(options.types) : undefined
    const read = wanted && [...new Set([...wanted, ...(end ? [end.type] : [])])]
    let ended = end ? await this.#endedBefore(db, after, end) : false
    while (!signal.aborted) {
      if (this.#tail.histories !== this.#histories) await this.#checkHistory()
      const { head, epoch } = this.#tail
      const kept = epoch === this.#epoch ? this.#tail.after(this.#scanned, PAGE.events) : undefined
      // Read without a filter, a range that lacks an event fails.
      const types = this.#tail.missing > this.#scanned ? undefined : read
      const range = { streamId: this.#tail.streamId, types, low: this.#scanned, high: head + 1 }
      const { redactions } = this.#tail
      const page = kept
        ? { events: kept, more: true, first: 0, head: this.#scanned, epoch }
        : await this.#retry(() => readRange(db, range, 'ASC', PAGE))
      if (!page) return undefined
      if (page.epoch !== this.#epoch || page.head < this.#scanned) {
        await this.#checkHistory()
        continue
      }
      if (page.first > this.#scanned + 1) {
        await this.#passRemoved(db, page, options.types)
        // A final state is kept while it is the newest, so a state before the gap is not it.
        ended = false
      }
      let stale = false
      for (const event of page.events) {
        if (signal.aborted) return undefined
        // The rest of the page may hold payloads redacted since it was read; a restore takes redactions back.
        stale = this.#tail.redactions !== redactions
        if (stale) break
        this.#scanned = event.seq
        if (end && event.type === end.type) ended = end.says(event)
        if (!wanted || wanted.has(event.type)) yield event
      }
      if (stale) continue
      // A truncated page, or one of the tail, ends at its last event; any other covers everything up to the head.
      const reached = page.more ? page.events.at(-1)?.seq : head
      this.#scanned = Math.max(this.#scanned, reached ?? 0)
      if (this.#scanned < this.#tail.head || this.#tail.histories !== this.#histories) continue
      // The tail may be behind the head known at the start.
      if (ended && this.#scanned >= known) return undefined
      await this.#tail.changed(signal)
    }
    return undefined
  }

  // Retention has removed the next events: they must be of types that this reader does not want.
  async #passRemoved(db: PrismaClient, { first, epoch }: Bounds, types: FollowOptions['types']): Promise<void> {
    const missed = await this.#retry(() => hasRemoved(db, this.streamId, this.#scanned, { types, side: 'NEWER' }))
    if (missed) throw cursorExpired(this.streamId, { first, epoch })
    this.#scanned = first - 1
  }

  // What was read, or looked at, must be part of the present history.
  async #checkHistory(): Promise<void> {
    const { histories, streamId } = this.#tail
    const found = await this.#retry(async () => {
      const continuation = await this.#tail.continuationOf(this.#epoch)
      if (!continuation) throw streamDeleted(streamId, this.cursor)
      return continuation
    })
    if (!found) return
    const { now, shared } = found
    if (shared === undefined || Math.max(this.#scanned, this.#position) > shared)
      throw historyChanged(streamId, now, shared)
    this.#epoch = now.epoch
    this.#histories = histories
  }

  async #endedBefore(
    db: PrismaClient,
    after: number,
    { type, says }: NonNullable<FollowOptions['end']>,
  ): Promise<boolean> {
    const range = { streamId: this.#tail.streamId, types: [type], low: 0, high: after + 1 }
    const read = await this.#retry(() => readRange(db, range, 'DESC', { events: 1, bytes: 1 }))
    return read?.events.some(says) === true
  }

  // A reader that catches up survives a database outage, as a live one does. Undefined once it has left.
  async #retry<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    const { signal } = this.#stop
    const until = performance.now() + OUTAGE_MS
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (signal.aborted) return undefined
        const isFinal = error instanceof CodedError && error.code !== 'UNAVAILABLE'
        if (performance.now() > until || error instanceof MissingEventsError || isFinal) throw error
        this.#callbacks.onError(error)
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
