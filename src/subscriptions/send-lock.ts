import type { Peer } from '../lib/peer.ts'

/** Backpressure for a connection's subscriptions: each result is made after the previous one is handed over. */
export class SendLock {
  readonly #waiting: (() => void)[] = []
  #taken = false

  acquire(): Promise<void> | undefined {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#taken = true
    return undefined
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken = false
  }
}

const locks = new WeakMap<Peer, SendLock>()

export function sendLockOf(peer: Peer): SendLock {
  const lock = locks.get(peer) ?? new SendLock()
  locks.set(peer, lock)
  return lock
}
