import type { Caller } from '../lib/caller.ts'
import type { Peer } from '../lib/peer.ts'

/** How many times as many connections as one caller all callers of a tenant may have together. */
const TENANT = 10

/**
 * How many sockets and streams of server-sent events each caller has open on this server: each key, and each address
 * of sockets that have not shown one yet. Limited for each caller, and for all callers of an organization.
 */
export class ConnectionLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()
  readonly #callers = new WeakMap<Peer, Caller>()

  /** @param most connections of one caller. */
  constructor(most: number) {
    this.#most = most
  }

  /** Whether the caller has as many connections as it may, or its tenant. */
  isFull({ name, tenant }: Caller): boolean {
    return this.#count(`caller ${name}`) >= this.#most || this.#count(`tenant ${tenant}`) >= this.#most * TENANT
  }

  /**
   * Counts a connection as the caller's until it is gone, and no longer as that of whom it was counted for before.
   * @returns false, and does not, when the caller has as many as it may.
   */
  add(caller: Caller, peer: Peer): boolean {
    if (this.isFull(caller)) return false
    this.#add(caller, 1)
    const before = this.#callers.get(peer)
    this.#callers.set(peer, caller)
    if (before) this.#add(before, -1)
    else peer.onGone(() => this.#add(this.#callers.get(peer) ?? caller, -1))
    return true
  }

  #count(name: string): number {
    return this.#open.get(name) ?? 0
  }

  #add({ name, tenant }: Caller, by: number): void {
    for (const whose of [`caller ${name}`, `tenant ${tenant}`]) {
      const left = this.#count(whose) + by
      if (left > 0) this.#open.set(whose, left)
      else this.#open.delete(whose)
    }
  }
}
