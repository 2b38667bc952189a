import type { LoggedEvent } from '../event.ts'
import { changed } from './changed.ts'
import type { Follower } from './follower.ts'
import { POSITION_INTERVAL } from './position-interval.ts'

/** Most payload of a batch beyond its first event, in UTF-16 units. */
const MAX_TEXT = 1_048_576

export interface BatchOptions {
  readonly maxEvents: number
  /** How long new events are collected for one batch once its reader has caught up, in milliseconds. */
  readonly maxWaitMs: number
}

/** Consecutive events that a reader wants, out of all those after `after` and up to `seq`. */
export interface EventBatch {
  readonly streamId: string
  readonly after: number
  readonly seq: number
  readonly epoch: number
  readonly events: readonly LoggedEvent[]
  /** Payload of the events, in UTF-16 units. */
  readonly text: number
  readonly version: string
  /** Events of any type after `seq`, as of the newest read of the stream. */
  readonly behind: number
}

/** The events of a follower in batches: full ones of what is stored, then small ones as events are recorded. */
export class EventBatches implements AsyncIterable<EventBatch> {
  readonly follower: Follower
  readonly #options: BatchOptions
  #events: LoggedEvent[] = []
  #text = 0
  #version = ''
  /** When the last batch was delivered, and when the first event of the next one was found. */
  #delivered = 0
  #found = 0
  #isCaughtUp = false
  #error: { readonly cause: unknown } | undefined

  constructor(follower: Follower, options: BatchOptions) {
    this.follower = follower
    this.#options = options
  }

  /**
   * The next batch, once the last one is delivered; empty if it only reports that its reader has caught up, or how far
   * a filter has left out events.
   * @returns undefined at the end. @throws what ended the follower, after all events before.
   */
  async next(): Promise<EventBatch | undefined> {
    const { follower } = this
    for (;;) {
      const next = await this.#prepare()
      if (this.#isStale) {
        this.#clear()
        follower.pending.rewind()
      } else if (next === 'end') {
        return this.#last()
      } else if (next === 'events') {
        const isFull =
          !follower.pending.take((event) => this.#add(event)) || this.#events.length === this.#options.maxEvents
        if (isFull || follower.isOver) return this.#make()
      } else if (next === 'full') {
        return this.#make()
      } else {
        const wait = this.#wait()
        if (wait <= 0) return this.#make()
        await changed(follower, Number.isFinite(wait) ? wait : undefined)
      }
    }
  }

  /** The batch, if it is still as it was read; else undefined, and the next one begins where it does. */
  current(batch: EventBatch): EventBatch | undefined {
    if (batch.version === this.follower.tail.version || this.#error) return batch
    this.follower.pending.rewind()
    return undefined
  }

  /** @returns false if the follower was ended: the batch, or its first half, must not be delivered. */
  deliver({ seq, behind }: EventBatch): boolean {
    if (!this.follower.pending.deliverTaken(seq)) return false
    this.#isCaughtUp = behind === 0
    this.#delivered = performance.now()
    return true
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, undefined> {
    for (let batch = await this.next(); batch; batch = await this.next()) {
      yield batch
      this.deliver(batch)
    }
  }

  // An error comes after the events before it, except one that ends the follower from outside, whose cursor is theirs.
  async #prepare() {
    try {
      return this.#error ? 'end' : await this.follower.prepare()
    } catch (cause) {
      if (this.follower.failure || this.#events.length === 0) throw cause
      this.#error = { cause }
      return 'end'
    }
  }

  // If there is anything that its reader does not know yet.
  #last(): EventBatch | undefined {
    const error = this.#error
    const hasNews = this.#events.length > 0 || !this.#isCaughtUp || this.#passed > 0
    if (error ? this.#events.length > 0 : hasNews && !this.follower.isDone) return this.#make()
    this.#error = undefined
    if (error) throw error.cause
    return undefined
  }

  #add(event: LoggedEvent): boolean {
    const { length } = this.#events
    if (length === this.#options.maxEvents) return false
    if (length > 0 && this.#text + event.data.length > MAX_TEXT) return false
    if (length === 0) {
      this.#found = performance.now()
      this.#version = this.follower.tail.version
    }
    this.#events.push(event)
    this.#text += event.data.length
    return true
  }

  // While events were collected, one of them may have been redacted, or taken back by a restore.
  get #isStale(): boolean {
    return this.#events.length > 0 && this.#version !== this.follower.tail.version
  }

  /** For how long a batch at the head waits, in milliseconds. */
  #wait(): number {
    if (!this.#isCaughtUp) return 0
    if (this.#events.length > 0) return this.#found + this.#options.maxWaitMs - performance.now()
    if (this.#passed === 0) return Number.POSITIVE_INFINITY
    return this.#passed >= POSITION_INTERVAL.events
      ? 0
      : this.#delivered + POSITION_INTERVAL.milliseconds - performance.now()
  }

  /** How far it has scanned beyond the last batch. */
  get #passed(): number {
    const { scanned, position } = this.follower.place
    return scanned - position
  }

  #make(): EventBatch {
    const { pending, place, tail, behind } = this.follower
    pending.offer()
    const { streamId, position, scanned, epoch } = place
    const batch = { streamId, after: position, seq: scanned, epoch, behind, version: tail.version }
    const made = { ...batch, events: this.#events, text: this.#text }
    this.#clear()
    return made
  }

  #clear(): void {
    this.#events = []
    this.#text = 0
  }
}

/** For a result that is too large. @returns undefined if the batch has one event, or none. */
export function firstHalfOf(batch: EventBatch): EventBatch | undefined {
  const events = batch.events.slice(0, Math.floor(batch.events.length / 2))
  const seq = events.at(-1)?.seq
  if (seq === undefined) return undefined
  const text = events.reduce((sum, { data }) => sum + data.length, 0)
  return { ...batch, events, text, seq, behind: batch.behind + batch.seq - seq }
}
