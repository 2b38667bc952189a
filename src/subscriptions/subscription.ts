import type { ExecutionResult, GraphQLError } from 'graphql'
import type { Call } from '../lib/call.ts'
import { type Outcome, outcomeOfError } from '../lib/outcome.ts'
import type { Peer } from '../lib/peer.ts'
import type { Follower } from '../log/follow/follower.ts'
import type { Cohort, LiveCounts } from './cohort.ts'
import type { Deliveries } from './delivery.ts'
import type { Member } from './fan-out.ts'
import { countOf, type PacedItem, type PacedSource } from './item.ts'
import type { Outlet } from './outlet.ts'
import { PositionReports } from './position-reports.ts'
import { type SendLock, sendLockOf } from './send-lock.ts'

/** For how long events are held for a connection that takes no more bytes, in milliseconds. */
const HOLD_MS = 1_000

/** The common interface of paced sources: each receives the items back that it returned. */
interface Paced {
  next(): Promise<unknown>
  current(next: unknown): PacedItem | undefined | Promise<PacedItem | undefined>
  deliver(item: PacedItem): boolean
}

/** Not an async iterable, which would cost a promise and several objects for each event and waiting subscriber. */
export class Subscription implements Member {
  /** It has no result yet. */
  declare readonly errors?: ExecutionResult['errors']
  readonly follower: Follower
  readonly #cohort: Cohort
  readonly #counts: LiveCounts
  readonly #call: Call | undefined
  readonly #sendLock: SendLock
  readonly #paced: Paced | undefined
  #onEnd: (() => void) | undefined
  #outlet: Outlet | undefined
  #reports: PositionReports | undefined
  #isCatchingUp = false
  #hasEntered = false
  #ended = false

  /** @param source a follower, or one whose events are delivered in batches. @param call to which its errors belong. */
  constructor(source: Follower | PacedSource, cohort: Cohort, peer: Peer, counts: LiveCounts, call: Call | undefined) {
    this.#paced = 'follower' in source ? source : undefined
    const follower = 'follower' in source ? source.follower : source
    this.follower = follower
    this.#cohort = cohort
    this.#counts = counts
    this.#call = call
    this.#sendLock = sendLockOf(peer)
    if (this.#paced) return
    follower.reader = this
  }

  /** Its follower was ended from outside. */
  onStop(): void {
    this.#cohort.fanOutOf(this.follower.tail).leave(this)
    this.catchUp()
  }

  /** Calls back once it has ended, for any reason. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback()
    else this.#onEnd = callback
  }

  /** Writes all results to the outlet, until the subscription ends or is ended by `return`. */
  start(outlet: Outlet): void {
    this.#outlet = outlet
    if (this.#ended) {
      outlet.end()
      return
    }
    if (!this.follower.filter.wantsAll && !this.#paced) this.#reports = new PositionReports(this.follower.place, outlet)
    this.catchUp()
  }

  /** Ends it because its client has left, or wants no more. */
  return(): void {
    const { failure } = this.follower
    // A client that is cut off, or has left, without reading the error that ended its subscription.
    this.#finish(failure ? outcomeOfError(failure) : 'ok')
  }

  /** Delivers what it lacks, at the pace of its connection, until it can join the others at the head. */
  catchUp(): void {
    if (this.#isCatchingUp || this.#ended || !this.#outlet) return
    this.#isCatchingUp = true
    const delivering = this.#paced ? this.#atItsPace(this.#outlet, this.#paced) : this.#untilHead(this.#outlet)
    delivering.catch((error) => this.#finish(outcomeOfError(error), this.#cohort.mask(error, this.#call)))
  }

  async #untilHead(outlet: Outlet): Promise<void> {
    try {
      while (!this.#ended && !this.#cohort.fanOutOf(this.follower.tail).join(this)) {
        const next = await this.follower.prepare()
        if (next === 'end') return this.#finish('ok')
        if (next === 'events') await this.#deliver(outlet)
      }
      this.notePosition()
    } finally {
      // In the same turn as it joins: from then on it can be dismissed.
      this.#isCatchingUp = false
    }
  }

  // Made for each reader, which may have come less far than others, or may wait for more events.
  async #atItsPace(outlet: Outlet, source: Paced): Promise<void> {
    while (!this.#ended) {
      const next = await source.next()
      if (next === undefined) return this.#finish('ok')
      const waiting = this.#sendLock.acquire(this)
      if (waiting) await waiting
      try {
        if (outlet.isFull) await outlet.drained()
        const current = await source.current(next)
        if (!current) continue
        const { item, deliveries } = await this.#cohort.deliverPaced(current)
        // Its client may have left meanwhile.
        if (!this.#ended && source.deliver(item)) this.write(deliveries, countOf(item))
      } finally {
        this.#sendLock.release()
      }
    }
  }

  // Results are made when the connection can take them, one subscription of a connection after the other.
  async #deliver(outlet: Outlet): Promise<void> {
    const { pending } = this.follower
    const waiting = this.#sendLock.acquire(this)
    const timer = waiting || outlet.isFull ? setTimeout(() => pending.drop(), HOLD_MS) : undefined
    if (waiting) await waiting
    try {
      if (outlet.isFull) await outlet.drained()
      clearTimeout(timer)
      const events = pending.nextStep()
      if (events.length === 0) return
      const deliveries = await this.#cohort.deliver(events)
      if (pending.deliver(deliveries.all.length)) this.write(deliveries)
    } finally {
      this.#sendLock.release()
    }
  }

  notePosition(): void {
    if (!this.#ended) this.#reports?.note()
  }

  get isFull(): boolean {
    return this.#outlet?.isFull ?? true
  }

  enter(holder: object): boolean {
    this.#hasEntered = this.#sendLock.tryAcquire(holder)
    return this.#hasEntered
  }

  exit(): void {
    if (!this.#hasEntered) return
    this.#hasEntered = false
    this.#sendLock.release()
  }

  write(deliveries: Deliveries, events = deliveries.all.length): void {
    this.#counts.delivered += events
    this.#outlet?.write(deliveries)
  }

  #finish(outcome: Outcome, error?: GraphQLError): void {
    if (this.#ended) return
    this.#ended = true
    this.#reports?.stop()
    // Otherwise its follower would stay open.
    this.follower.return()
    this.#counts.ended[outcome] = (this.#counts.ended[outcome] ?? 0) + 1
    this.#onEnd?.()
    this.#onEnd = undefined
    this.#outlet?.end(error)
  }
}
