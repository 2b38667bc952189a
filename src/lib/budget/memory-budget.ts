import { getHeapStatistics } from 'node:v8'
import { CodedError } from '../../errors.ts'
import type { Caller } from '../caller.ts'
import { MemoryQueue, noRoom } from './memory-queue.ts'

// `heap`: share of the heap. Of that: most of a tenant, a caller and all caches; the last quarter is for small tenants.
const SHARES = { heap: 1 / 4, tenant: 1 / 2, caller: 1 / 4, contended: 3 / 4, small: 1 / 8, cache: 1 / 8 } as const

const TIMEOUT_MS = 10_000

export interface Holding {
  /** Reserves before allocation. @throws CodedError BAD_USER_INPUT above the caller's share, RATE_LIMITED when full. */
  reserve(bytes: number): void
  /** Reserves if there is room. @returns whether there was. */
  tryReserve(bytes: number): boolean
  /** Reserves once others release enough. @param patience timeout in ms, then RATE_LIMITED. @throws as `reserve`. */
  wait(bytes: number, patience?: number): Promise<void>
  /** Counts bytes that are already allocated, without a limit check. */
  add(bytes: number): void
  release(bytes?: number): void
  readonly bytes: number
}

/** Limits the bytes of bodies, events and unsent results per caller, tenant and process, to protect the heap. */
export class MemoryBudget {
  readonly #held = new Map<string, number>()
  readonly #limits: Readonly<Record<'all' | 'tenant' | 'caller' | 'contended' | 'small', number>>
  readonly #queue = new MemoryQueue()
  /** Most bytes of a cache. */
  readonly cacheBytes: number
  #shrink: (bytes: number) => void = () => undefined
  #all = 0

  constructor(all = Math.floor(getHeapStatistics().heap_size_limit * SHARES.heap)) {
    const share = (part: number) => Math.floor(all * part)
    this.#limits = {
      all,
      tenant: share(SHARES.tenant),
      caller: share(SHARES.caller),
      contended: share(SHARES.contended),
      small: share(SHARES.small),
    }
    this.cacheBytes = share(SHARES.cache)
  }

  get bytes(): number {
    return this.#all
  }

  /** @param shrink frees that many bytes, or all. @returns receives by how many bytes it grew, negative: shrank. */
  openCache(shrink: (bytes: number) => void): (bytes: number) => void {
    this.#shrink = shrink
    return (bytes) => {
      this.#all += bytes
    }
  }

  /** Whether work of this caller waits for memory. */
  isAwaited({ name }: Caller): boolean {
    return this.#queue.has(`caller ${name}`)
  }

  /** Opens the account of an operation, which must release all it holds when it ends. */
  open(caller: Caller): Holding {
    const name = `caller ${caller.name}`
    const tenant = `tenant ${caller.tenant}`
    let held = 0
    const change = (bytes: number) => {
      held += bytes
      this.#all += bytes
      this.#add(name, bytes)
      this.#add(tenant, bytes)
    }
    const hasRoom = (bytes: number) => {
      const { all, tenant: most, caller: own, contended, small } = this.#limits
      if (held + bytes > own) throw tooMuch(own)
      const ofTenant = this.#of(tenant) + bytes
      if (this.#of(name) + bytes > own || ofTenant > most) return false
      const room = (ofTenant <= small ? all : contended) - bytes
      if (this.#all > room) this.#shrink(this.#all - room)
      return this.#all <= room
    }
    const reserved = (bytes: number) => {
      const fits = hasRoom(bytes)
      if (fits) change(bytes)
      return fits
    }
    return {
      reserve: (bytes) => {
        if (!reserved(bytes)) throw noRoom()
      },
      tryReserve: (bytes) => held + bytes <= this.#limits.caller && reserved(bytes),
      wait: async (bytes, patience = TIMEOUT_MS) => {
        if (!reserved(bytes)) await this.#queue.wait(name, bytes, () => reserved(bytes), patience)
      },
      add: change,
      release: (bytes = held) => {
        change(-Math.min(bytes, held))
        this.#queue.retry()
      },
      get bytes() {
        return held
      },
    }
  }

  #of(name: string): number {
    return this.#held.get(name) ?? 0
  }

  #add(name: string, bytes: number): void {
    const left = this.#of(name) + bytes
    if (left > 0) this.#held.set(name, left)
    else this.#held.delete(name)
  }
}

function tooMuch(most: number): CodedError {
  return new CodedError(
    'BAD_USER_INPUT',
    `The request needs more than ${most} bytes of memory, the limit of a caller. Request less data.`,
  )
}
