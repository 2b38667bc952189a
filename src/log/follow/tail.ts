import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { batchLookups, type Lookup } from '../../lib/batched-lookup.ts'
import type { LoggedEvent } from '../event.ts'
import { lastShared } from '../read/epochs.ts'
import { type HistoryChange, keepChange } from '../read/history.ts'
import { MissingEventError, type Read } from '../read/range.ts'
import { readStreams, type Stream } from '../read/stream-index.ts'
import type { ReadTail } from './tail-reads.ts'

const MAX_EVENTS = 1_000

/** Most text kept, in UTF-16 units (8 MiB of memory at worst). */
const MAX_TEXT = 4_194_304

/** The stream as it is now, and the last position that this history shares with an earlier one, if that is known. */
export interface Continuation {
  readonly now: Stream
  readonly shared: number | undefined
}

export interface TailObserver {
  onError(error: unknown): void
  onHistoryChanged(change: HistoryChange): void
}

/** The newest events of a followed stream, read once for all its followers. */
export class Tail {
  readonly streamId: string
  /** How the stream continues an epoch, by its id; absent: no such stream. Concurrent look-ups share the statements. */
  readonly continuationOf: Lookup<Continuation, number>
  readonly #db: PrismaClient
  readonly #read: ReadTail
  readonly #observer: TailObserver
  readonly #onDeleted: () => void
  readonly #listeners = new Set<() => void>()
  #events: LoggedEvent[] = []
  #text = 0
  #head: number
  #epoch: number
  #histories = 0
  #redactions: number
  #noted = 0
  #missing = 0
  #reading = false
  #again = false

  /** @param start the tail begins after its head. @param onDeleted called when a read does not find the stream. */
  constructor(db: PrismaClient, read: ReadTail, start: Stream, observer: TailObserver, onDeleted: () => void) {
    this.#db = db
    this.#read = read
    this.streamId = start.id
    this.continuationOf = batchLookups((epochs) => continuations(db, start.id, epochs), BATCHES)
    this.#head = start.head
    this.#epoch = start.epoch
    this.#redactions = start.redactions
    this.#observer = observer
    this.#onDeleted = onDeleted
  }

  get head(): number {
    return this.#head
  }

  get epoch(): number {
    return this.#epoch
  }

  /** How often the history of the stream may have changed under the tail. */
  get histories(): number {
    return this.#histories
  }

  get redactions(): number {
    return this.#redactions
  }

  /** Differs once events that were read may have been redacted, or taken back by a restore. */
  get version(): string {
    return `${this.#redactions} ${this.#histories}`
  }

  /** The last position at which a read has found an event missing; 0 for none. A filtered read does not notice. */
  get missing(): number {
    return this.#missing
  }

  /** Notes what another read has found: content of events that the tail keeps may have been removed since it read them. */
  note({ epoch, redactions }: Pick<Stream, 'epoch' | 'redactions'>): void {
    if (epoch !== this.#epoch || redactions <= this.#redactions) return
    this.#noted++
    this.#forget()
    this.#redactions = redactions
  }

  /** Reads new events. Calls during a read cause one more; a failure is left to the next call. */
  async read(): Promise<void> {
    this.#again = true
    if (this.#reading) return
    this.#reading = true
    try {
      while (this.#again) {
        this.#again = false
        const noted = this.#noted
        const page = await this.#read(this.streamId, this.#head)
        if (!page.exists) return this.#onDeleted()
        if (!(await this.#continues(page))) continue
        const { events, more, first, redactions } = page
        // It may have found less than what was noted meanwhile.
        if (this.#noted !== noted) {
          this.#again = true
          continue
        }
        if (first > this.#head + 1) this.#skipTo(first)
        // Kept events may include redacted ones.
        if (redactions !== this.#redactions) this.#forget()
        this.#redactions = redactions
        if (more) this.#again = true
        if (events.length > 0) this.#add(events)
      }
    } catch (error) {
      this.#observer.onError(error)
      // Followers that need that range read it themselves and fail; others continue after it.
      if (!(error instanceof MissingEventError)) return
      this.#missing = error.position
      this.#skipTo(error.head + 1)
    } finally {
      this.#reading = false
    }
  }

  /** Kept events after a position, at most `limit`; undefined when the tail no longer has the next one. */
  after(seq: number, limit: number): LoggedEvent[] | undefined {
    const first = this.#head - this.#events.length + 1
    return seq + 1 < first ? undefined : this.#events.slice(seq + 1 - first, seq + 1 - first + limit)
  }

  /** Calls back when there are new events, or the history may have changed. @returns an unsubscribe function. */
  listen(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => void this.#listeners.delete(callback)
  }

  // Whether a read continues what the tail holds. If not, the tail goes back to what both histories share.
  async #continues({ first, head, epoch }: Read): Promise<boolean> {
    if (epoch === this.#epoch && head >= this.#head) return true
    const shared = (await lastShared(this.#db, this.streamId, this.#epoch, { head, epoch })) ?? first - 1
    const lost = Math.max(0, this.#head - shared)
    this.#epoch = epoch
    this.#histories++
    const change = { streamId: this.streamId, shared, lost }
    if (lost > 0) {
      this.#observer.onHistoryChanged(change)
      this.#forget()
      this.#head = shared
      this.#again = true
    }
    this.#notify()
    if (lost > 0) await keepChange(this.#db, change).catch((error) => this.#observer.onError(error))
    return lost === 0
  }

  // The next events were removed, or are missing; followers that need them get the error from the log.
  #skipTo(first: number): void {
    this.#forget()
    this.#head = first - 1
    this.#notify()
  }

  #forget(): void {
    this.#events = []
    this.#text = 0
  }

  #add(events: readonly LoggedEvent[]): void {
    this.#events.push(...events)
    this.#head = events.at(-1)?.seq ?? this.#head
    for (const { data } of events) this.#text += data.length
    let drop = Math.max(0, this.#events.length - MAX_EVENTS)
    for (let i = 0; i < drop; i++) this.#text -= this.#events[i]?.data.length ?? 0
    while (this.#text > MAX_TEXT) this.#text -= this.#events[drop++]?.data.length ?? 0
    if (drop > 0) this.#events = this.#events.slice(drop)
    this.#notify()
  }

  #notify(): void {
    for (const callback of [...this.#listeners]) callback()
  }
}

/** One epoch, or few: those that followers of the stream have read in. */
const BATCHES = { atOnce: 1, keys: 100 } as const

async function continuations(
  db: PrismaClient,
  streamId: string,
  epochs: readonly number[],
): Promise<Map<number, Continuation>> {
  const [now] = await readStreams(db, [streamId])
  if (!now) return new Map()
  const continuation = async (epoch: number) =>
    [epoch, { now, shared: await lastShared(db, streamId, epoch, now) }] as const
  return new Map(await Promise.all(epochs.map(continuation)))
}
