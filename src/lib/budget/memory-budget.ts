import { getHeapStatistics } from 'node:v8'
import { CodedError } from '../../errors.ts'
import type { Caller } from '../caller.ts'

/**
 * The share of the heap that requests may hold together, and what part of that one tenant and one caller may. The last
 * quarter is only for tenants that hold less than an eighth, so that those who hold much cannot refuse the others.
 */
const SHARES = { heap: 1 / 4, tenant: 1 / 2, caller: 1 / 4, contended: 3 / 4, small: 1 / 8 } as const

/** After how many seconds a request that found no room may try again. */
const RETRY_AFTER = 1

/** How long a request waits for room, in milliseconds. */
const PATIENCE_MS = 10_000

/** What one operation holds of the budget. */
export interface Holding {
  /**
   * Reserves bytes before they are read, made or buffered.
   * @throws CodedError BAD_USER_INPUT when one caller may never hold that much, RATE_LIMITED when it may not at the moment.
   */
  reserve(bytes: number): void
  /**
   * Reserves bytes as soon as others have released enough.
   * @param patience after how many milliseconds it is refused with RATE_LIMITED.
   * @throws CodedError as `reserve`.
   */
  wait(bytes: number, patience?: number): Promise<void>
  /** Counts bytes that are there already, whether there is room for them or not. */
  add(bytes: number): void
  /** Gives back some of it, by default all. */
  release(bytes?: number): void
  /** Bytes held now. */
  readonly bytes: number
}

/**
 * The bytes that requests hold in this process: request bodies, events read, results that wait to be sent. Limited per caller, per
 * tenant and in all, so that neither one tenant nor all together exhaust the heap.
 */
export class MemoryBudget {
  readonly #held = new Map<string, number>()
  readonly #limits: Readonly<Record<'all' | 'tenant' | 'caller' | 'contended' | 'small', number>>
  /** Those who wait for room, each with what lets it go on if there is enough. */
  readonly #waiting = new Set<() => void>()
  #all = 0

  /** @param all bytes in all; by default a quarter of the heap's limit. */
  constructor(all = Math.floor(getHeapStatistics().heap_size_limit * SHARES.heap)) {
    const share = (part: number) => Math.floor(all * part)
    this.#limits = {
      all,
      tenant: share(SHARES.tenant),
      caller: share(SHARES.caller),
      contended: share(SHARES.contended),
      small: share(SHARES.small),
    }
  }

  /** Bytes held now by all requests. */
  get bytes(): number {
    return this.#all
  }

  /** Begins to count for an operation; whatever it still holds at its end, it has to release. */
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
      return this.#all + bytes <= (ofTenant <= small ? all : contended)
    }
    return {
      reserve: (bytes) => {
        if (!hasRoom(bytes)) throw noRoom()
        change(bytes)
      },
      wait: async (bytes, patience = PATIENCE_MS) => {
        if (hasRoom(bytes)) change(bytes)
        else
          await this.#wait(() => {
            const fits = hasRoom(bytes)
            if (fits) change(bytes)
            return fits
          }, patience)
      },
      add: change,
      release: (bytes = held) => {
        change(-Math.min(bytes, held))
        for (const tryAgain of this.#waiting) tryAgain()
      },
      get bytes() {
        return held
      },
    }
  }

  #wait(reserve: () => boolean, patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(tryAgain)
        settle()
      }
      const tryAgain = () => {
        try {
          if (reserve()) end(resolve)
        } catch (error) {
          end(() => reject(error))
        }
      }
      const giveUp = () => end(() => reject(noRoom()))
      const timer = patience === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, patience)
      this.#waiting.add(tryAgain)
    })
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
    `This needs more memory than the ${most} bytes a caller may use. Ask for less.`,
  )
}

function noRoom(): CodedError {
  const message = 'Too much is being read and sent at the moment. Try again in a second, with fewer requests at a time.'
  return new CodedError('RATE_LIMITED', message, { retryAfter: RETRY_AFTER })
}
