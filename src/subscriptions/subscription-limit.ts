import type { Caller } from '../lib/caller.ts'

/** How many subscriptions each caller has on this server, over all of its connections: each one wants a result of each event. */
export class SubscriptionLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Counts one. @returns how to end it, or nothing when the caller has as many as it may. */
  open({ name }: Caller): (() => void) | undefined {
    const open = this.#open.get(name) ?? 0
    if (open >= this.#most) return undefined
    this.#open.set(name, open + 1)
    return () => {
      const left = (this.#open.get(name) ?? 1) - 1
      if (left > 0) this.#open.set(name, left)
      else this.#open.delete(name)
    }
  }
}
