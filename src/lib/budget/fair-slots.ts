import { CodedError } from '../../errors.ts'
import type { Caller } from '../caller.ts'
import { RoundRobin } from './round-robin.ts'

/** Maximum queue length per tenant, and Retry-After in seconds once it is full. */
const FULL = { waiting: 10_000, retryAfter: 1 } as const

interface Waiting {
  readonly caller: Caller
  isLate: boolean
  start(): void
}

/** Round-robin by tenant, then caller: at most 2/3 for a tenant and 1/2 for a caller; no npm queue has fair shares. */
export class FairSlots {
  readonly #slots: Readonly<Record<'tenant' | 'caller' | 'reserved', number>>
  readonly #taken = new Map<string, number>()
  readonly #waiting = new RoundRobin<Waiting>()
  readonly #waitingOf = new Map<string, number>()
  /** Longest wait for a slot, in milliseconds. */
  readonly patience: number
  #free: number

  constructor(slots: number, patience: number) {
    this.patience = patience
    this.#free = slots
    this.#slots = { tenant: Math.ceil((slots * 2) / 3), caller: Math.ceil(slots / 2), reserved: Math.floor(slots / 3) }
  }

  get waiting(): number {
    let count = 0
    for (const waiting of this.#waitingOf.values()) count += waiting
    return count
  }

  /** Runs the work once a slot is free. @throws CodedError RATE_LIMITED: the queue is full; UNAVAILABLE: too late. */
  async run<Result>(caller: Caller, work: () => Promise<Result>): Promise<Result> {
    await this.#take(caller)
    try {
      return await work()
    } finally {
      this.#giveBack(caller)
    }
  }

  #take(caller: Caller): Promise<void> | undefined {
    if (this.#mayStart(caller)) {
      this.#start(caller)
      return undefined
    }
    const waiting = this.#waitingOf.get(caller.tenant) ?? 0
    if (waiting >= FULL.waiting) throw full()
    this.#waitingOf.set(caller.tenant, waiting + 1)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        item.isLate = true
        this.#leave(caller)
        reject(tooLate())
      }, this.patience)
      const item: Waiting = {
        caller,
        isLate: false,
        start: () => {
          clearTimeout(late)
          resolve()
        },
      }
      this.#waiting.add(caller, item)
    })
  }

  #mayStart({ name, tenant }: Caller): boolean {
    const { tenant: ofTenant, caller: ofCaller, reserved } = this.#slots
    const taken = this.#takenBy(`t ${tenant}`)
    return this.#free > (taken > 0 ? reserved : 0) && taken < ofTenant && this.#takenBy(`c ${name}`) < ofCaller
  }

  #start({ name, tenant }: Caller): void {
    this.#free--
    this.#count(`t ${tenant}`, 1)
    this.#count(`c ${name}`, 1)
  }

  // Yields to the event loop first: back-to-back statements of the embedded database would starve new requests.
  #giveBack(caller: Caller): void {
    if (!this.#waiting.isEmpty) setImmediate(() => this.#end(caller))
    else this.#end(caller)
  }

  #end({ name, tenant }: Caller): void {
    this.#free++
    this.#count(`t ${tenant}`, -1)
    this.#count(`c ${name}`, -1)
    // One freed slot can let two callers start: a tenant that has just given back its last may take a reserved one.
    while (this.#startNext()) {}
  }

  #startNext(): boolean {
    const next = this.#waiting.take((caller) => this.#mayStart(caller))
    if (!next) return false
    if (next.isLate) return true
    this.#leave(next.caller)
    this.#start(next.caller)
    next.start()
    return true
  }

  #leave({ tenant }: Caller): void {
    const left = (this.#waitingOf.get(tenant) ?? 1) - 1
    if (left > 0) this.#waitingOf.set(tenant, left)
    else this.#waitingOf.delete(tenant)
  }

  #takenBy(name: string): number {
    return this.#taken.get(name) ?? 0
  }

  #count(name: string, by: number): void {
    const left = this.#takenBy(name) + by
    if (left > 0) this.#taken.set(name, left)
    else this.#taken.delete(name)
  }
}

/** The error of work whose turn does not come in time: the database does not answer, or is too slow for the load. */
export function tooLate(): CodedError {
  const message = 'The database is temporarily too busy. Retry after 1 s.'
  return new CodedError('UNAVAILABLE', message, { retryAfter: 1 })
}

function full(): CodedError {
  const message = 'Too many requests of this organization are waiting for the database. Retry after 1 s.'
  return new CodedError('RATE_LIMITED', message, { retryAfter: FULL.retryAfter })
}
