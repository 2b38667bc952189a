import type { Socket } from './socket.ts'

/** How many sockets each key has open on this server. */
export class SocketCounts {
  readonly #most: number
  readonly #open = new Map<string, number>()

  /** @param most sockets of one key. */
  constructor(most: number) {
    this.#most = most
  }

  /** Counts a socket until it is gone. @returns false, and does not, when its key has as many as it may. */
  add(caller: string, socket: Socket): boolean {
    const open = this.#open.get(caller) ?? 0
    if (open >= this.#most) return false
    this.#open.set(caller, open + 1)
    socket.onGone(() => this.#remove(caller))
    return true
  }

  #remove(caller: string): void {
    const left = (this.#open.get(caller) ?? 1) - 1
    if (left > 0) this.#open.set(caller, left)
    else this.#open.delete(caller)
  }
}
