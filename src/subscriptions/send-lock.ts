import type { Peer } from '../lib/peer.ts'

/** Lets one holder at a time make results for a connection: a subscription, or a loop for several of them. */
export class SendLock {
  #waiting: { holder: object; resolve: () => void }[] | undefined
  #holder: object | undefined
  #holds = 0

  /** Takes it if it is free, or held by the same holder, who must release it as often. */
  tryAcquire(holder: object): boolean {
    if (this.#holder !== undefined && this.#holder !== holder) return false
    this.#holder = holder
    this.#holds++
    return true
  }

  /** Waits until it is free, in order of arrival. */
  acquire(holder: object): Promise<void> | undefined {
    if (this.tryAcquire(holder)) return undefined
    this.#waiting ??= []
    const waiting = this.#waiting
    return new Promise((resolve) => waiting.push({ holder, resolve }))
  }

  release(): void {
    if (--this.#holds > 0) return
    const next = this.#waiting?.shift()
    this.#holder = next?.holder
    this.#holds = next ? 1 : 0
    next?.resolve()
  }
}

const locks = new WeakMap<Peer, SendLock>()

export function sendLockOf(peer: Peer): SendLock {
  const lock = locks.get(peer) ?? new SendLock()
  locks.set(peer, lock)
  return lock
}
