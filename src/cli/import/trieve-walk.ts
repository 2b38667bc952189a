import { StartError } from '../../errors.ts'
import { fetchTrievePage, type TrieveDataset, type TrieveEvent } from './trieve-api.ts'
import { ResponseTooLarge, UpstreamStatusError } from './upstream-http.ts'

/** Page sizes in events, and the characters of a response below or above which the size doubles or halves. */
const SIZE = { first: 100, most: 1_000, few: 500_000, many: 5_000_000 }

/** Largest page requested; Tidemark itself serves no larger one. */
const MAX_PAGE = 10_000

/** Share of a page kept free for events that arrive between requests. */
const SLACK = 0.1

/** Maximum consecutive pages without progress: shifted by new events, too large, or too small. */
const MAX_IDLE = 30

/**
 * Reads a dataset oldest first from an API whose pages are newest first, shift as events arrive, and order equal times
 * differently at each request. A page is complete between its oldest and newest time, and leaves no gap when it reaches
 * back to the last taken time; one that new events have shifted is replaced by another.
 */
export class TrieveWalk {
  readonly #dataset: TrieveDataset
  readonly #signal: AbortSignal
  #taken: number
  /** Number of events after `#taken`, as of the last page. */
  #later = 0
  #size = SIZE.first
  /** Factor by which a page grows so that all events of one time fit on it. */
  #widened = 1
  #seen = new Set<string>()

  /** @param taken time of our newest event in milliseconds, -Infinity when there is none. */
  constructor(dataset: TrieveDataset, taken: number, signal: AbortSignal) {
    this.#dataset = dataset
    this.#taken = taken
    this.#signal = signal
  }

  /** Yields pages, oldest first, up to `until`; callable again. The first is whole, as older events may come late. */
  async *walk(until: number): AsyncGenerator<TrieveEvent[]> {
    // More events may share the newest time.
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
      // The page before may hold more of the newest time, and more may arrive until that time has passed.
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

  /** Number of upstream events up to the last taken time. */
  async countTaken(): Promise<number> {
    const later = await this.#countLater()
    return (await this.#count()) - later
  }

  async #read(page: number, size: number): Promise<TrieveEvent[] | undefined> {
    try {
      const { events } = await fetchTrievePage(this.#dataset, page, size, this.#signal)
      const characters = events.reduce((sum, { event_data }) => sum + event_data.length, 0)
      if (characters > SIZE.many) this.#size = Math.ceil(this.#size / 2)
      else if (characters < SIZE.few) this.#size = Math.min(this.#size * 2, SIZE.most)
      return events
    } catch (error) {
      const tooMuch =
        error instanceof ResponseTooLarge || (error instanceof UpstreamStatusError && error.status === 400)
      if (!(tooMuch && this.#size > 1 && this.#widened === 1)) throw error
      this.#size = Math.floor(this.#size / 2)
      return undefined
    }
  }

  #widen(size: number): void {
    this.#widened *= 2
    if (this.#size * this.#widened <= MAX_PAGE / 2) return
    throw new StartError(
      `The upstream dataset has more than ${size} events with the same time, more than one page can hold.`,
    )
  }

  // Binary search with pages of one event.
  async #countLater(): Promise<number> {
    let low = 0
    let high = await this.#count()
    if (this.#taken === Number.NEGATIVE_INFINITY) return high
    for (let at = 0; low < high; at = Math.floor((low + high) / 2)) {
      const { events } = await fetchTrievePage(this.#dataset, at + 1, 1, this.#signal)
      if ((events[0]?.created_at ?? this.#taken) <= this.#taken) high = at
      else low = at + 1
    }
    return low
  }

  async #count(): Promise<number> {
    return (await fetchTrievePage(this.#dataset, 1, 1, this.#signal)).pages
  }
}

const NOTHING_NEW =
  `${MAX_IDLE} consecutive upstream pages contained no new events: the dataset grows faster than it is read, or its ` +
  'page count is wrong. Try again later.'

/** Page size from `least` to its double whose page with this rank has the most newer events, within the slack. */
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
