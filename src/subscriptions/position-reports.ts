import type { Follower } from '../log/follow/follower.ts'
import { POSITION_INTERVAL } from '../log/follow/position-interval.ts'
import type { Outlet } from './outlet.ts'

/** Reports the position of a reader whose filter leaves out events, so that it can resume there. */
export class PositionReports {
  readonly #follower: Follower
  readonly #outlet: Outlet
  #reportedAt = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(follower: Follower, outlet: Outlet) {
    this.#follower = follower
    this.#outlet = outlet
  }

  /** To be called when all up to what the follower has scanned is written, or was not wanted. */
  note(): void {
    const { scanned, position } = this.#follower
    if (scanned <= position) return
    const wait = this.#reportedAt + POSITION_INTERVAL.milliseconds - performance.now()
    if (!this.#outlet.isFull && (scanned - position >= POSITION_INTERVAL.events || wait <= 0)) this.#report()
    else this.#timer ??= setTimeout(() => this.#again(), Math.max(wait, 0))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #again(): void {
    this.#timer = undefined
    if (this.#outlet.isFull) this.#reportedAt = performance.now()
    this.note()
  }

  #report(): void {
    this.stop()
    this.#follower.advance(this.#follower.scanned, this.#follower.scanned)
    this.#reportedAt = performance.now()
    this.#outlet.report(this.#follower.cursor)
  }
}
