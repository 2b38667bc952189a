import type { Place } from '../log/follow/place.ts'
import { POSITION_INTERVAL } from '../log/follow/position-interval.ts'
import type { Outlet } from './outlet.ts'

/** Reports the position of a reader whose filter leaves out events, so that it can resume there. */
export class PositionReports {
  readonly #place: Place
  readonly #outlet: Outlet
  #reportedAt = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(place: Place, outlet: Outlet) {
    this.#place = place
    this.#outlet = outlet
  }

  /** To be called when all up to what its reader has scanned is written, or was not wanted. */
  note(): void {
    const { scanned, position } = this.#place
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
    this.#place.advance(this.#place.scanned, this.#place.scanned)
    this.#reportedAt = performance.now()
    this.#outlet.report(this.#place.cursor)
  }
}
