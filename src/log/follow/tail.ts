import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { withTimeout } from '../../lib/timeout.ts'
import type { LoggedEvent } from '../event.ts'
import { readRange } from '../read/range.ts'

/** Most events that a tail keeps, and that it reads at once. */
const MAX_EVENTS = 1_000

/** Most text that a tail keeps, in UTF-16 units: 8 MiB in memory at worst. It reads as many bytes at once. */
const MAX_TEXT = 4_194_304

/** How long the database may take to answer, in milliseconds. */
const ANSWER_MS = 15_000

/** The newest events of a followed stream, read from the log once for all who follow it. */
export class Tail {
  readonly streamId: string
  readonly #db: PrismaClient
  readonly #onError: (error: unknown) => void
  readonly #waiting = new Set<() => void>()
  /** Ascending and dense, up to `#head`. */
  #events: LoggedEvent[] = []
  #text = 0
  #head: number
  #redactions: number | undefined
  #reading = false
  #again = false

  /** @param head a position that the stream has reached: the tail begins after it. */
  constructor(db: PrismaClient, streamId: string, head: number, onError: (error: unknown) => void) {
    this.#db = db
    this.streamId = streamId
    this.#head = head
    this.#onError = onError
  }

  /** The newest position that is known. */
  get head(): number {
    return this.#head
  }

  /** How often payloads of the stream were removed, as far as is known. */
  get redactions(): number {
    return this.#redactions ?? 0
  }

  /** Reads what has been added. Calls while it reads make it read once more; a failure is left to the next call. */
  async read(): Promise<void> {
    this.#again = true
    if (this.#reading) return
    this.#reading = true
    try {
      while (this.#again) {
        this.#again = false
        const range = { streamId: this.streamId, low: this.#head, high: Number.MAX_SAFE_INTEGER }
        const read = readRange(this.#db, range, 'ASC', { events: MAX_EVENTS, bytes: MAX_TEXT })
        const { events, more, first, redactions } = await withTimeout(read, ANSWER_MS)
        if (first > this.#head + 1) this.#skipTo(first)
        // Some of what is kept may be what was removed.
        if (redactions !== this.#redactions) this.#forget()
        this.#redactions = redactions
        if (more) this.#again = true
        if (events.length > 0) this.#add(events)
      }
    } catch (error) {
      this.#onError(error)
    } finally {
      this.#reading = false
    }
  }

  /** The kept events after a position, at most `limit`; undefined when the tail no longer holds the next one. */
  after(seq: number, limit: number): LoggedEvent[] | undefined {
    const first = this.#head - this.#events.length + 1
    return seq + 1 < first ? undefined : this.#events.slice(seq + 1 - first, seq + 1 - first + limit)
  }

  /** Resolves when there may be something new, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      if (signal.aborted) return resolve()
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  // What came next is removed already: whoever has not had it finds that out from the log.
  #skipTo(first: number): void {
    this.#forget()
    this.#head = first - 1
    this.#resume()
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
    this.#resume()
  }

  #resume(): void {
    for (const resume of [...this.#waiting]) resume()
  }
}
