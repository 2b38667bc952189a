import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { withTimeout } from '../../lib/timeout.ts'
import type { LoggedEvent } from '../event.ts'
import { readRange } from '../read/range.ts'

const MAX_EVENTS = 1_000

/** Most text kept, in UTF-16 units (8 MiB of memory at worst), and most bytes read at once. */
const MAX_TEXT = 4_194_304

const ANSWER_MS = 15_000

/** The newest events of a followed stream, read once for all its followers. */
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

  /** @param head a position the stream has reached; the tail begins after it. */
  constructor(db: PrismaClient, streamId: string, head: number, onError: (error: unknown) => void) {
    this.#db = db
    this.streamId = streamId
    this.#head = head
    this.#onError = onError
  }

  get head(): number {
    return this.#head
  }

  get redactions(): number {
    return this.#redactions ?? 0
  }

  /** Reads new events. Calls during a read cause one more; a failure is left to the next call. */
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
        // Kept events may include redacted ones.
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

  /** Kept events after a position, at most `limit`; undefined when the tail no longer has the next one. */
  after(seq: number, limit: number): LoggedEvent[] | undefined {
    const first = this.#head - this.#events.length + 1
    return seq + 1 < first ? undefined : this.#events.slice(seq + 1 - first, seq + 1 - first + limit)
  }

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

  // The next events were removed; followers that lack them find out from the log.
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
