import type { Caller } from '../lib/caller.ts'
import type { Peer } from '../lib/peer.ts'

/** Limit of all callers of a tenant together, as a multiple of one caller's limit. */
const TENANT = 10

/** Limits open sockets and streams per caller (a key, or an address before authentication) and per tenant. */
export class ConnectionLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()
  readonly #callers = new WeakMap<Peer, Caller>()

  constructor(most: number) {
    this.#most = most
  }

  isFull({ name, tenant }: Caller): boolean {
    return this.#count(`caller ${name}`) >= this.#most || this.#count(`tenant ${tenant}`) >= this.#most * TENANT
  }

  /** Counts a connection for this caller instead of its previous one, until it closes. @returns false at the limit. */
  add(caller: Caller, peer: Peer): boolean {
    const before = this.#callers.get(peer)
    // Its own place does not count: a slow response may turn out to be the start of a stream.
    if (before) this.#add(before, -1)
    const fits = !this.isFull(caller)
    const counted = fits ? caller : before
    if (counted) this.#add(counted, 1)
    if (!fits) return false
    this.#callers.set(peer, caller)
    if (!before) peer.onGone(() => this.#add(this.#callers.get(peer) ?? caller, -1))
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
