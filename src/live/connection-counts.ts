import type { Peer } from '../peer.ts'
import type { Caller } from '../rate/caller.ts'

/**
 * How many sockets and streams of server-sent events each caller has open on this server: each key, and each address of sockets that
 * have not shown one yet.
 */
export class ConnectionCounts {
  readonly #most: number
  readonly #open = new Map<string, number>()
  readonly #callers = new WeakMap<Peer, string>()

  /** @param most connections of one caller. */
  constructor(most: number) {
    this.#most = most
  }

  /** Whether the caller has as many connections as it may. */
  isFull({ name }: Caller): boolean {
    return (this.#open.get(name) ?? 0) >= this.#most
  }

  /**
   * Counts a connection as the caller's until it is gone, and no longer as that of whom it was counted for before.
   * @returns false, and does not, when the caller has as many as it may.
   */
  add(caller: Caller, peer: Peer): boolean {
    if (this.isFull(caller)) return false
    const { name } = caller
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1)
    const before = this.#callers.get(peer)
    this.#callers.set(peer, name)
    if (before === undefined) peer.onGone(() => this.#remove(this.#callers.get(peer)))
    else this.#remove(before)
    return true
  }

  #remove(caller = ''): void {
    const left = (this.#open.get(caller) ?? 1) - 1
    if (left > 0) this.#open.set(caller, left)
    else this.#open.delete(caller)
  }
}
