import type { Socket } from './socket.ts'

/** How many sockets each caller has open on this server: each key, and each address of clients that have not shown one yet. */
export class SocketCounts {
  readonly #most: number
  readonly #open = new Map<string, number>()
  readonly #callers = new WeakMap<Socket, string>()

  /** @param most sockets of one caller. */
  constructor(most: number) {
    this.#most = most
  }

  /** Whether the caller has as many sockets as it may. */
  isFull(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) >= this.#most
  }

  /**
   * Counts a socket as the caller's until it is gone, and no longer as that of whom it was counted for before.
   * @returns false, and does not, when the caller has as many as it may.
   */
  add(caller: string, socket: Socket): boolean {
    if (this.isFull(caller)) return false
    this.#open.set(caller, (this.#open.get(caller) ?? 0) + 1)
    const before = this.#callers.get(socket)
    this.#callers.set(socket, caller)
    if (before === undefined) socket.onGone(() => this.#remove(this.#callers.get(socket)))
    else this.#remove(before)
    return true
  }

  #remove(caller = ''): void {
    const left = (this.#open.get(caller) ?? 1) - 1
    if (left > 0) this.#open.set(caller, left)
    else this.#open.delete(caller)
  }
}
