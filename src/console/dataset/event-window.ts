import { batch, computed, signal } from '@preact/signals'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { cursorAt } from './cursor-at.ts'
import { ROWS } from './documents.ts'
import { type EventRow, toRow } from './event-row.ts'
import { type Filter, matches } from './filter.ts'
import type { Tail } from './tail.ts'

const PAGE = 100

/** Rows that are held; those at the far end are dropped, and read again when they are scrolled to. */
const MOST_ROWS = 1_000

/** A gapless part of the matching events, newest first. While older rows are read, arrivals are only counted. */
export class EventWindow {
  readonly rows = signal<readonly EventRow[]>([])
  readonly hasOlder = signal(true)
  /** Everything that matches, up to this position, is in the window or older than it. */
  readonly complete = signal(0)
  /** Events that match and are newer than the window, among those that have arrived since it was opened. */
  readonly waiting = signal(0)
  /** Number of events that match on the server, as of the last page, and since then here. */
  readonly matching = signal(0)
  readonly isLoaded = signal(false)
  readonly error = signal<ApiError | undefined>()
  /** Times that it was opened: each time, it begins at its top. */
  readonly openings = signal(0)
  /** Whether new rows may be inserted: the reader is at the end, and reads no event. */
  readonly isFollowing = signal(true)
  readonly atEnd = computed(() => this.complete.value >= this.#seen.value)
  readonly #seen = signal(0)
  readonly #tail: Tail
  readonly #filter: Filter
  readonly #unlisten: () => void
  #waitingFrom = 0
  #loading: Promise<void> | undefined
  #isOver = false

  constructor(tail: Tail, filter: Filter) {
    this.#tail = tail
    this.#filter = filter
    this.#seen.value = tail.last
    this.#unlisten = tail.onRows((rows) => this.#arrive(rows))
  }

  /** @param position the newest row to begin with; that of the newest event if it is undefined. */
  async open(position?: number): Promise<void> {
    await this.#load(async () => {
      const seen = this.#tail.last
      const { first } = this.#tail.counters.peek()
      const at = position === undefined || position >= seen ? undefined : Math.max(position, first)
      const after = at === undefined ? undefined : await cursorAt(this.#tail.dataset.id, at + 1)
      const page = await this.#page({ first: PAGE, after })
      const rows = page.edges.map(toRow)
      batch(() => {
        this.rows.value = rows
        this.hasOlder.value = page.pageInfo.hasNextPage
        this.complete.value = at ?? seen
        this.waiting.value = 0
        this.matching.value = page.totalCount
        this.isLoaded.value = true
        this.openings.value += 1
      })
      this.#catchUp()
    })
  }

  async loadOlder(): Promise<void> {
    const last = this.rows.peek().at(-1)
    if (!last || !this.hasOlder.peek()) return
    await this.#load(async () => {
      const page = await this.#page({ first: PAGE, after: last.cursor }).catch((error: unknown) => {
        if (asApiError(error).code === 'CURSOR_EXPIRED') return undefined
        throw error
      })
      // Retention has removed what was older.
      if (!page) {
        this.hasOlder.value = false
        return
      }
      batch(() => {
        const rows = [...this.rows.peek(), ...page.edges.map(toRow)]
        const dropped = rows.splice(0, Math.max(0, rows.length - MOST_ROWS))
        this.rows.value = rows
        this.hasOlder.value = page.pageInfo.hasNextPage
        if (dropped.length > 0) this.complete.value = rows[0]?.seq ?? this.complete.peek()
      })
    })
  }

  async loadNewer(): Promise<void> {
    const [first] = this.rows.peek()
    if (this.atEnd.peek() || this.#filter.until !== undefined) return
    if (!first) return this.open()
    await this.#load(async () => {
      const seen = this.#tail.last
      const page = await this.#page({ last: PAGE, before: first.cursor })
      const rows = page.edges.map(toRow)
      batch(() => {
        this.#prepend(rows)
        const counted = rows.filter(({ seq }) => seq > this.#waitingFrom).length
        this.waiting.value = Math.max(0, this.waiting.peek() - counted)
        this.complete.value = page.pageInfo.hasPreviousPage ? (rows[0]?.seq ?? seen) : Math.max(seen, rows[0]?.seq ?? 0)
      })
      this.#catchUp()
    })
  }

  follow(isFollowing: boolean): void {
    this.isFollowing.value = isFollowing
    if (isFollowing) this.#catchUp()
  }

  close(): void {
    this.#isOver = true
    this.#unlisten()
  }

  #arrive(rows: readonly EventRow[]): void {
    if (!this.isLoaded.peek()) return
    batch(() => {
      this.#seen.value = this.#tail.last
      const matching = rows.filter((row) => matches(this.#filter, row))
      if (this.waiting.peek() === 0) this.#waitingFrom = (matching[0]?.seq ?? 1) - 1
      this.matching.value += matching.length
      this.waiting.value += matching.length
      this.#catchUp()
    })
  }

  // Inserts what the tail has kept, if nothing lies between it and the window.
  #catchUp(): void {
    this.#seen.value = this.#tail.last
    const { rows } = this.#tail
    const oldest = rows[0]?.seq ?? this.#tail.last + 1
    const complete = this.complete.peek()
    if (!this.isFollowing.peek() || this.#filter.until !== undefined || oldest > complete + 1) return
    const fresh = rows.filter((row) => row.seq > complete && matches(this.#filter, row)).reverse()
    batch(() => {
      this.#prepend(fresh)
      this.complete.value = Math.max(complete, this.#tail.last)
      this.waiting.value = 0
    })
  }

  #prepend(fresh: readonly EventRow[]): void {
    if (fresh.length === 0) return
    const newest = this.rows.peek()[0]?.seq ?? 0
    const rows = [...fresh.filter(({ seq }) => seq > newest), ...this.rows.peek()]
    if (rows.length > MOST_ROWS) {
      rows.length = MOST_ROWS
      this.hasOlder.value = true
    }
    this.rows.value = rows
  }

  async #page(range: { first?: number; after?: string; last?: number; before?: string }) {
    const { types, since, until } = this.#filter
    const { id } = this.#tail.dataset
    const variables = { id, types: [...types], since, until, order: 'NEWEST_FIRST' as const, ...range }
    return (await request(ROWS, variables)).workerEvents
  }

  // One page at a time, or the ends would not fit.
  async #load(load: () => Promise<void>): Promise<void> {
    if (this.#loading) return this.#loading
    this.#loading = load()
      .then(() => {
        this.error.value = undefined
      })
      .catch((error: unknown) => {
        if (!this.#isOver) this.error.value = asApiError(error)
      })
      .finally(() => {
        this.#loading = undefined
      })
    return this.#loading
  }
}
