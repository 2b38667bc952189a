import { StartError } from '../../errors.ts'
import { readTrievePage, type TrieveDataset, type TrieveEvent } from './trieve-api.ts'
import { Refused, TooLarge } from './upstream-http.ts'

/** How many events to ask for at first and at most, and how many characters of their data are too few or too many in an answer. */
const SIZE = { first: 100, most: 1_000, few: 500_000, many: 5_000_000 }

/** The largest page that is asked for: Tidemark itself answers no larger one. */
const MAX_PAGE = 10_000

/** The part of a page that is kept free for events that come between two requests. */
const SLACK = 0.1

/** How many pages in a row may give nothing new: each has been moved by events that came, or was too large, or not large enough. */
const MAX_IDLE = 30

/**
 * A way through the events of a dataset, oldest first, over an API whose pages are newest first, shift while events arrive, and have
 * events of the same time in any order, another one at each request. So it goes by time: of the events on a page, those between its
 * oldest and its newest time are all there are, and a page that reaches back to what has been taken leaves nothing out. Each page is
 * chosen to do that; where events that came meanwhile have moved it, another one is.
 */
export class TrieveWalk {
  readonly #dataset: TrieveDataset
  readonly #signal: AbortSignal
  #taken: number
  /** How many events are later than what has been taken, unless some have come since. */
  #later = 0
  #size = SIZE.first
  /** How much larger than that a page has to be, for all events of one time to be on it. */
  #widened = 1
  /** What the last page held. */
  #seen = new Set<string>()

  /** @param taken the time of the newest event that is there already, in milliseconds; minus infinity where there is none. */
  constructor(dataset: TrieveDataset, taken: number, signal: AbortSignal) {
    this.#dataset = dataset
    this.#taken = taken
    this.#signal = signal
  }

  /**
   * Walks to the newest event that is not later than `until`; again, for those that have come since. The first page gives those, too,
   * that it has besides what is to be taken: somebody may have put them there late.
   * @returns events of a page at a time, oldest first.
   */
  async *walk(until: number): AsyncGenerator<TrieveEvent[]> {
    // Others of the newest time may have come.
    this.#taken -= 1
    this.#later = 0
    this.#size = Math.min(this.#size, SIZE.first)
    let first = true
    let idle = 0
    for (;;) {
      if (idle++ === MAX_IDLE) throw new StartError(NOTHING_NEW)
      const { page, size } = pageWith(this.#later, this.#size * this.#widened)
      const events = await this.#read(page, size)
      if (!events) continue
      const times = events.map(({ created_at }) => created_at)
      const reachesBack = events.length < size ? events.length > 0 || page === 1 : Math.min(...times) <= this.#taken
      if (!reachesBack) {
        this.#later = await this.#countLater()
        continue
      }
      // There may be more of the newest time on the page before, and more may come until it is late enough.
      const end = page === 1 ? until : Math.min(until, Math.max(...times) - 1)
      const certain = events.filter(({ created_at }) => created_at <= end)
      const given = certain.filter(({ id, created_at: at }) => (first || at > this.#taken) && !this.#seen.has(id))
      const taken = Math.max(this.#taken, ...certain.map(({ created_at }) => created_at))
      if (given.length > 0 && taken > this.#taken) idle = 0
      if (page > 1 && taken === this.#taken && end < until) this.#widen(size)
      else this.#widened = 1
      this.#taken = taken
      this.#later = (page - 1) * size + events.filter(({ created_at }) => created_at > taken).length
      this.#seen = new Set(certain.map(({ id }) => id))
      first = false
      if (given.length > 0) yield given.reverse()
      if (page === 1 || end === until) return
    }
  }

  /** How many events the original has up to the newest that has been taken. */
  async countTaken(): Promise<number> {
    const later = await this.#countLater()
    return (await this.#count()) - later
  }

  async #read(page: number, size: number): Promise<TrieveEvent[] | undefined> {
    try {
      const { events } = await readTrievePage(this.#dataset, page, size, this.#signal)
      const characters = events.reduce((sum, { event_data }) => sum + event_data.length, 0)
      if (characters > SIZE.many) this.#size = Math.ceil(this.#size / 2)
      else if (characters < SIZE.few) this.#size = Math.min(this.#size * 2, SIZE.most)
      return events
    } catch (error) {
      const tooMuch = error instanceof TooLarge || (error instanceof Refused && error.status === 400)
      if (!(tooMuch && this.#size > 1 && this.#widened === 1)) throw error
      this.#size = Math.floor(this.#size / 2)
      return undefined
    }
  }

  #widen(size: number): void {
    this.#widened *= 2
    if (this.#size * this.#widened <= MAX_PAGE / 2) return
    throw new StartError(
      `The original has more than ${size} events of one time, which cannot be told apart from page to page.`,
    )
  }

  // Halves the interval, with pages of one event.
  async #countLater(): Promise<number> {
    let low = 0
    let high = await this.#count()
    if (this.#taken === Number.NEGATIVE_INFINITY) return high
    for (let at = 0; low < high; at = Math.floor((low + high) / 2)) {
      const { events } = await readTrievePage(this.#dataset, at + 1, 1, this.#signal)
      if ((events[0]?.created_at ?? this.#taken) <= this.#taken) high = at
      else low = at + 1
    }
    return low
  }

  async #count(): Promise<number> {
    return (await readTrievePage(this.#dataset, 1, 1, this.#signal)).pages
  }
}

const NOTHING_NEW = `The original has given nothing new on ${MAX_IDLE} pages in a row: it grows faster than it is read, or does not say how much it has. Try again later.`

/** Of the pages of up to twice the size that hold the event at a rank, newest first, the one with the most newer ones, and some slack. */
function pageWith(rank: number, least: number): { page: number; size: number } {
  let size = least
  let newer = -1
  for (let tried = least; tried <= least * 2; tried++) {
    const inFront = rank % tried
    if (inFront <= newer || inFront > tried * (1 - SLACK)) continue
    newer = inFront
    size = tried
  }
  return { page: Math.floor(rank / size) + 1, size }
}
