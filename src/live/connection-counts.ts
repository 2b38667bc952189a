import type { Peer } from '../peer.ts'

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
  isFull(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) >= this.#most
  }

  /**
   * Counts a connection as the caller's until it is gone, and no longer as that of whom it was counted for before.
   * @returns false, and does not, when the caller has as many as it may.
   */
  add(caller: string, peer: Peer): boolean {
    if (this.isFull(caller)) return false
    this.#open.set(caller, (this.#open.get(caller) ?? 0) + 1)
    const before = this.#callers.get(peer)
    this.#callers.set(peer, caller)
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
