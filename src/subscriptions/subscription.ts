import type { ExecutionResult, GraphQLError } from 'graphql'
import { type Outcome, outcomeOfError } from '../lib/outcome.ts'
import type { Peer } from '../lib/peer.ts'
import { EventBatches } from '../log/follow/event-batches.ts'
import type { Follower } from '../log/follow/follower.ts'
import type { Cohort, LiveCounts, MaskResultError } from './cohort.ts'
import type { Deliveries } from './delivery.ts'
import type { Member } from './fan-out.ts'
import type { Outlet } from './outlet.ts'
import { type SendLock, sendLockOf } from './send-lock.ts'

/**
 * A subscription that has begun: what the pipeline returns in place of an async iterable, which would cost a promise and
 * several objects for each event and each subscriber that waits for one. The transport gives it an outlet.
 */
export class Subscription implements Member {
  /** It has no result yet. */
  declare readonly errors?: ExecutionResult['errors']
  readonly follower: Follower
  readonly #cohort: Cohort
  readonly #counts: LiveCounts
  readonly #mask: MaskResultError
  readonly #sendLock: SendLock
  readonly #onEnd: (() => void)[] = []
  #outlet: Outlet | undefined
  #isCatchingUp = false
  #hasEntered = false
  #ended = false

  readonly #batches: EventBatches | undefined

  /** @param source a follower, or one whose events are delivered in batches. */
  constructor(source: Follower | EventBatches, cohort: Cohort, peer: Peer, counts: LiveCounts, mask: MaskResultError) {
    this.#batches = source instanceof EventBatches ? source : undefined
    const follower = source instanceof EventBatches ? source.follower : source
    this.follower = follower
    this.#cohort = cohort
    this.#counts = counts
    this.#mask = mask
    this.#sendLock = sendLockOf(peer)
    if (this.#batches) return
    follower.onStop = () => {
      cohort.fanOutOf(follower.tail).leave(this)
      this.catchUp()
    }
  }

  onEnd(callback: () => void): void {
    if (this.#ended) callback()
    else this.#onEnd.push(callback)
  }

  /** Writes all results to the outlet, until the subscription ends or is ended by `return`. */
  start(outlet: Outlet): void {
    this.#outlet = outlet
    if (this.#ended) outlet.end()
    else this.catchUp()
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
    const delivering = this.#batches ? this.#inBatches(this.#outlet, this.#batches) : this.#untilHead(this.#outlet)
    delivering.catch((error) => this.#finish(outcomeOfError(error), this.#mask(error)))
  }

  async #untilHead(outlet: Outlet): Promise<void> {
    try {
      while (!this.#ended && !this.#cohort.fanOutOf(this.follower.tail).join(this)) {
        const next = await this.follower.prepare()
        if (next === 'end') return this.#finish('ok')
        if (next === 'events') await this.#deliver(outlet)
      }
    } finally {
      // In the same turn as it joins: from then on it can be dismissed.
      this.#isCatchingUp = false
    }
  }

  // Each batch is made for its reader, which may have come less far than others, or may wait for more events.
  async #inBatches(outlet: Outlet, batches: EventBatches): Promise<void> {
    while (!this.#ended) {
      const batch = await batches.next()
      if (!batch) return this.#finish('ok')
      const waiting = this.#sendLock.acquire(this)
      if (waiting) await waiting
      try {
        if (outlet.isFull) await outlet.drained()
        if (!batches.isCurrent(batch)) continue
        const deliveries = await this.#cohort.deliverBatch(batch)
        if (batches.deliver(batch)) this.write(deliveries, batch.events.length)
      } finally {
        this.#sendLock.release()
      }
    }
  }

  // Results are made when the connection can take them, one subscription of a connection after the other.
  async #deliver(outlet: Outlet): Promise<void> {
    const waiting = this.#sendLock.acquire(this)
    if (waiting) await waiting
    try {
      if (outlet.isFull) await outlet.drained()
      const events = this.follower.nextStep()
      if (events.length === 0) return
      const deliveries = await this.#cohort.deliver(events)
      if (this.follower.deliver(deliveries.all.length)) this.write(deliveries)
    } finally {
      this.#sendLock.release()
    }
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
    // However it ends, its follower does not stay behind.
    this.follower.return()
    this.#counts.ended[outcome] = (this.#counts.ended[outcome] ?? 0) + 1
    for (const callback of this.#onEnd.splice(0)) callback()
    this.#outlet?.end(error)
  }
}
