import type { CodedError } from '../errors.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { encodeCursor } from './cursor.ts'
import type { LoggedEvent } from './event.ts'
import { readRange } from './range.ts'
import type { Tail } from './tail.ts'

/** Most events that a follower holds. */
const PAGE = 100

/** Where to begin, what to deliver and when to end. */
export interface FollowOptions {
  /** The position after which to begin. */
  after: number
  /** Stored names. Absent or empty: all types. */
  types?: readonly string[] | null
  /** Ends the stream once everything is delivered and the newest event of this type says so. */
  end?: { readonly type: string; readonly says: (event: LoggedEvent) => boolean }
  /** Breaks the reader's connection, when it does not even collect the error that ended it. */
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
  readonly #onClose: (follower: Follower) => void
  /** Breaks the reader's connection. */
  readonly cutOff: () => void
  #position: number
  #idleSince: number | undefined
  #failure: CodedError | undefined
  #told = false

  constructor(db: PrismaClient, tail: Tail, options: FollowOptions, onClose: (follower: Follower) => void) {
    this.#tail = tail
    this.#position = options.after
    this.#onClose = onClose
    this.cutOff = options.cutOff ?? (() => undefined)
    this.#events = this.#follow(db, options)
  }

  get streamId(): string {
    return this.#tail.streamId
  }

  /** The position of what was delivered last, or of where it began. */
  get cursor(): string {
    return encodeCursor(this.#tail.streamId, this.#position)
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
    this.#onClose(this)
  }

  async *#follow(db: PrismaClient, { after, types, end }: FollowOptions): AsyncGenerator<LoggedEvent, undefined> {
    const { signal } = this.#stop
    const wanted = types?.length ? new Set(types) : undefined
    const read = wanted && [...new Set([...wanted, ...(end ? [end.type] : [])])]
    let ended = end ? await this.#endedBefore(db, after, end) : false
    let scanned = after
    while (!signal.aborted) {
      const head = this.#tail.head
      const kept = this.#tail.after(scanned, PAGE)
      const range = { streamId: this.#tail.streamId, types: read, low: scanned, high: head + 1 }
      const page = kept ?? (await readRange(db, range, 'ASC', PAGE))
      for (const event of page) {
        if (end && event.type === end.type) ended = end.says(event)
        if (!wanted || wanted.has(event.type)) yield event
        if (signal.aborted) return undefined
      }
      // A page of the log that is not full has left nothing out up to the head; one of the tail ends where it ends.
      scanned = (kept || page.length === PAGE ? page.at(-1)?.seq : head) ?? scanned
      if (scanned < this.#tail.head) continue
      if (ended) return undefined
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
    const [newest] = await readRange(db, range, 'DESC', 1)
    return newest !== undefined && says(newest)
  }
}
