import type { Peer } from '../lib/peer.ts'

/** Backpressure for a connection's subscriptions: each result is made after the previous one is handed over. */
export class Lane {
  readonly #waiting: (() => void)[] = []
  #taken = false

  enter(): Promise<void> | undefined {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#taken = true
    return undefined
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken = false
  }
}

const lanes = new WeakMap<Peer, Lane>()

/** The lane of a connection, shared by its subscriptions. */
export function laneOf(peer: Peer): Lane {
  const lane = lanes.get(peer) ?? new Lane()
  lanes.set(peer, lane)
  return lane
}
