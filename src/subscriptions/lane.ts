import type { Peer } from '../lib/peer.ts'

/**
 * The results of all subscriptions of one connection, which are made one at a time: the next only when the one before has been
 * handed to the connection, which takes it when there is room.
 */
export class Lane {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Waits until no other result is under way. */
  enter(): Promise<void> | undefined {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#taken = true
    return undefined
  }

  /** Lets the next one in. */
  leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken = false
  }
}

const lanes = new WeakMap<Peer, Lane>()

/** The lane of a connection. */
export function laneOf(peer: Peer): Lane {
  const lane = lanes.get(peer) ?? new Lane()
  lanes.set(peer, lane)
  return lane
}
