import type { ReportSnapshot } from '../report/report-snapshot.ts'
import { changed } from './changed.ts'
import type { Follower } from './follower.ts'

/** Shortest time between two snapshots for one reader, in milliseconds; longer if one takes longer to make. */
const INTERVAL_MS = 100

export interface SnapshotUpdate {
  readonly streamId: string
  readonly seq: number
  readonly epoch: number
  readonly version: string
  readonly snapshot: ReportSnapshot
}

/** The newest snapshot of a report, then newer ones: each is taken when its reader can receive it. */
export class SnapshotUpdates implements AsyncIterable<SnapshotUpdate> {
  readonly follower: Follower
  readonly #take: () => Promise<ReportSnapshot>
  #delivered: SnapshotUpdate | undefined
  /** When the last one was begun, and when the next one may be. */
  #begun = 0
  #due = 0

  /** @param follower of the states of the report, from its head on. */
  constructor(follower: Follower, take: () => Promise<ReportSnapshot>) {
    this.follower = follower
    this.#take = take
  }

  /** Waits for a newer snapshot. @returns undefined at the end. @throws what ended the follower. */
  async next(): Promise<true | undefined> {
    const { follower } = this
    for (;;) {
      const next = await follower.prepare()
      if (next === 'end') return follower.isDone || this.#delivered ? undefined : true
      if (next === 'events') follower.pending.skip()
      if (next === 'head' || follower.isOver) {
        const wait = this.#isOutdated ? this.#due - performance.now() : undefined
        if (wait !== undefined && (wait <= 0 || follower.isOver)) return true
        await changed(follower, wait)
      }
    }
  }

  /** The newest snapshot. @returns undefined if the follower was ended meanwhile. */
  async current(): Promise<SnapshotUpdate | undefined> {
    const { streamId, version } = this.follower.tail
    this.#begun = performance.now()
    const snapshot = await this.follower.retry.run(this.#take)
    return snapshot && { streamId, seq: snapshot.seq, epoch: snapshot.epoch, version, snapshot }
  }

  /** Notes that a snapshot is delivered now. @returns false if the follower was ended: it must not be. */
  deliver(update: SnapshotUpdate): boolean {
    if (!this.follower.pending.deliverTaken()) return false
    this.#delivered = update
    const now = performance.now()
    this.#due = now + Math.max(INTERVAL_MS, now - this.#begun)
    return true
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SnapshotUpdate, undefined> {
    while (await this.next()) {
      const update = await this.current()
      if (!update) return undefined
      yield update
      this.deliver(update)
    }
    return undefined
  }

  get #isOutdated(): boolean {
    const { place, tail } = this.follower
    return !this.#delivered || place.scanned > this.#delivered.seq || tail.version !== this.#delivered.version
  }
}
