import type { Caller } from '../caller.ts'

/** How long the operations of one pass of the event loop may work together, in milliseconds. */
const PASS_MS = 5

/** How long new connections may have the passes for themselves, in milliseconds, before a pass of work is due again. */
const ARRIVALS_MS = 50

/**
 * Divides long work on the one thread of this process. Operations work until the pass of the event loop has lasted for some
 * milliseconds, then wait for another one. Tenants that wait go on in turn, and the callers of a tenant in turn within it.
 */
export class Turns {
  /** In the order of their turn: tenants, and of each tenant its callers. */
  readonly #tenants = new Map<string, Map<string, (() => void)[]>>()
  #began: number | undefined
  #arrived = false
  #worked = 0

  /**
   * Notes a new connection. Node accepts one connection per pass of the event loop (libuv 1.46 and later), so while more
   * may wait, the passes are kept short: work goes on when a pass has brought none.
   */
  arrive(): void {
    this.#arrived = true
  }

  /** Whether the event loop has to serve everything else first. Cheap enough to ask often. */
  get isOver(): boolean {
    if (this.#began === undefined) {
      this.#begin()
      return false
    }
    return performance.now() - this.#began > PASS_MS
  }

  /** Resolves when the caller may go on. */
  next({ tenant, name }: Caller): Promise<void> {
    return new Promise((resolve) => {
      const callers = this.#tenants.get(tenant) ?? new Map<string, (() => void)[]>()
      this.#tenants.set(tenant, callers)
      const waiting = callers.get(name)
      if (waiting) waiting.push(resolve)
      else callers.set(name, [resolve])
      if (this.#began === undefined) this.#begin()
    })
  }

  /** Waits for another turn when this one is over. */
  async pause(caller: Caller): Promise<void> {
    if (this.isOver) await this.next(caller)
  }

  #begin(): void {
    this.#began = performance.now()
    setImmediate(() => {
      this.#began = undefined
      const arrived = this.#arrived
      this.#arrived = false
      if (!arrived || performance.now() - this.#worked > ARRIVALS_MS) this.#resumeOne()
      else if (this.#tenants.size > 0) this.#begin()
    })
  }

  // One and not all: each may use up the whole pass.
  #resumeOne(): void {
    for (const [tenant, callers] of this.#tenants) {
      for (const [name, waiting] of callers) {
        const resume = waiting.shift()
        callers.delete(name)
        if (waiting.length > 0) callers.set(name, waiting)
        this.#tenants.delete(tenant)
        if (callers.size > 0) this.#tenants.set(tenant, callers)
        this.#begin()
        resume?.()
        this.#worked = performance.now()
        return
      }
    }
  }
}
