import type { Caller } from '../lib/caller.ts'

/** Limits subscriptions per caller over all its connections on this server: each needs a result per event. */
export class SubscriptionLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** @returns false at the limit; else a call of `close` must follow. */
  open({ name }: Caller): boolean {
    const open = this.#open.get(name) ?? 0
    if (open >= this.#most) return false
    this.#open.set(name, open + 1)
    return true
  }

  close({ name }: Caller): void {
    const left = (this.#open.get(name) ?? 1) - 1
    if (left > 0) this.#open.set(name, left)
    else this.#open.delete(name)
  }
}
