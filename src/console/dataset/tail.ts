import { signal } from '@preact/signals'
import { ApiError } from '../api/api-error.ts'
import { connectionState } from '../api/connection.ts'
import { Continuity } from '../api/continuity.ts'
import { follow } from '../api/follow.ts'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { type Counters, countOn, toCounters } from './counters.ts'
import { cursorAt } from './cursor-at.ts'
import { DATASET, EVENT_ROW } from './documents.ts'
import { type EventRow, toRow } from './event-row.ts'

export type Dataset = NonNullable<ResultOf<typeof DATASET>['dataset']>

/** Newest rows that are kept, so that a view which comes back to the end need not ask for them. */
const KEPT_ROWS = 500

/** Milliseconds after which counters are read again: retention changes them without an event. */
const RECOUNT_MS = 15_000

/** Follows a dataset from its end: its counters, its newest rows, and whether anything was missed. */
export class Tail {
  readonly dataset: Dataset
  readonly counters = signal<Counters>({ head: 0, first: 1, lastEventAt: null, types: new Map() })
  readonly continuity: Continuity
  readonly error = signal<ApiError | undefined>()
  rows: readonly EventRow[] = []
  #listeners = new Set<(rows: readonly EventRow[]) => void>()
  #stop: () => void = () => undefined
  #recount: ReturnType<typeof setInterval>
  #unwatch: () => void

  /** @param after the cursor of the dataset's head. */
  constructor(dataset: Dataset, after: string) {
    this.dataset = dataset
    this.counters.value = toCounters(dataset)
    this.continuity = new Continuity(dataset.head)
    this.#follow(after)
    this.#recount = setInterval(() => void this.#readCounters(), RECOUNT_MS)
    this.#unwatch = connectionState.subscribe(({ kind }) => {
      if (kind === 'reconnecting') this.continuity.broke()
    })
  }

  get last(): number {
    return this.continuity.last
  }

  /** Calls back with rows as they arrive, oldest first. @returns a function that stops it. */
  onRows(listener: (rows: readonly EventRow[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#stop()
    this.#unwatch()
    clearInterval(this.#recount)
  }

  #follow(after: string): void {
    const stream = { datasetId: this.dataset.id }
    this.#stop = follow(
      { stream, fragments: [EVENT_ROW], after },
      {
        next: ({ edges, behind }) => this.#arrive(edges.map(toRow), behind),
        error: (error) => this.#failed(error),
      },
    )
  }

  #arrive(rows: readonly EventRow[], behind: number): void {
    const fresh = rows.filter(({ seq }) => seq > this.last)
    this.continuity.arrived(
      rows.map(({ seq }) => seq),
      behind,
    )
    this.rows = [...this.rows, ...fresh].slice(-KEPT_ROWS)
    this.counters.value = countOn(this.counters.value, fresh)
    for (const listener of this.#listeners) listener(fresh)
  }

  // What the server says to go on from: a person reads that events are missing.
  #failed(error: ApiError): void {
    const { reason, cursor, earliest } = error.extensions as { reason?: string; cursor?: string; earliest?: string }
    const after = cursor ?? earliest
    if (error.code === 'CURSOR_EXPIRED' && reason === 'EVENTS_REMOVED' && after) {
      this.#stop()
      this.rows = []
      this.#follow(after)
    } else this.error.value = error
  }

  async #readCounters(): Promise<void> {
    if (document.hidden) return
    const { dataset } = await request(DATASET, { id: this.dataset.id }).catch(() => ({ dataset: null }))
    if (!dataset) return
    // Events after those counts, which have arrived already, are counted on.
    const counted = toCounters(dataset)
    const known = this.rows.filter(({ seq }) => seq > counted.head)
    if (counted.head >= this.counters.value.head) this.counters.value = countOn(counted, known)
  }
}

/** @throws ApiError NOT_FOUND if there is none that the key can see. */
export async function openTail(id: string): Promise<Tail> {
  const { dataset } = await request(DATASET, { id })
  if (!dataset) throw new ApiError('This dataset does not exist, or the key cannot access it.', 'NOT_FOUND')
  return new Tail(dataset, await cursorAt(id, dataset.head))
}
