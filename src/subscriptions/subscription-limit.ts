import type { Caller } from '../lib/caller.ts'

/** Limits subscriptions per caller over all its connections on this server: each needs a result per event. */
export class SubscriptionLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

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
