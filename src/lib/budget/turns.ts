import type { Caller } from '../caller.ts'
import { RoundRobin } from './round-robin.ts'

/** How long operations may work per event-loop pass, in total. */
const PASS_MS = 5

const ARRIVALS_MS = 50

/** Time-slices long work: past PASS_MS it waits for a later event-loop pass, round-robin by tenant and caller. */
export class Turns {
  readonly #waiting = new RoundRobin<() => void>()
  #began: number | undefined
  #arrived = false
  #worked = 0

  /** Notes a new connection. Node accepts one per pass (libuv 1.46+), so passes without one resume the work. */
  arrive(): void {
    this.#arrived = true
  }

  /** Whether the event loop must run first; cheap enough to poll. */
  get isOver(): boolean {
    if (this.#began === undefined) {
      this.#begin()
      return false
    }
    return performance.now() - this.#began > PASS_MS
  }

  next(caller: Caller): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(caller, resolve)
      if (this.#began === undefined) this.#begin()
    })
  }

  async pause(caller: Caller): Promise<void> {
    if (this.isOver) await this.next(caller)
  }

  #begin(): void {
    this.#began = performance.now()
    setImmediate(() => {
      this.#began = undefined
      const arrived = this.#arrived
      this.#arrived = false
      if (!arrived || performance.now() - this.#worked > ARRIVALS_MS) this.#resumeOne()
      else if (!this.#waiting.isEmpty) this.#begin()
    })
  }

  // One, not all: each may use up the whole pass.
  #resumeOne(): void {
    const resume = this.#waiting.take()
    if (!resume) return
    this.#begin()
    resume()
    this.#worked = performance.now()
  }
}
