import type { LoggedEvent } from '../log/event.ts'
import type { Follower } from '../log/follow/follower.ts'
import { stepOf } from '../log/follow/step.ts'
import type { Tail } from '../log/follow/tail.ts'
import type { Deliveries } from './delivery.ts'

/** Members written to between checks of the clock. */
const LOOK_EVERY = 64

/** A subscription that has delivered all there is. */
export interface Member {
  readonly follower: Follower
  /** Whether its connection has more unsent bytes than it should. */
  readonly isFull: boolean
  /** Takes its connection for the next results. @returns false if another subscription has it. */
  enter(holder: object): boolean
  /** Gives its connection back, if it has it. */
  exit(): void
  write(deliveries: Deliveries): void
  /** Called when it has scanned events that it does not want. */
  notePosition(): void
  /** Called when it has left: it catches up alone, and joins again at the head. */
  catchUp(): void
}

/** Executes events for all members of a cohort. */
interface Executor {
  deliver(events: readonly LoggedEvent[]): Promise<Deliveries>
  /** Lets other work run, if it is its turn. */
  pause(): Promise<void> | undefined
}

/** The next events of the tail, and what the members have scanned before and after them. */
interface Step {
  readonly events: readonly LoggedEvent[]
  readonly low: number
  readonly high: number
}

/** One loop for the members at the head. One that is full, or not where the others are, leaves and catches up. */
export class FanOut {
  readonly tail: Tail
  readonly #executor: Executor
  readonly #members = new Set<Member>()
  /** At most what each member has scanned. */
  #scanned = 0
  #histories = 0
  #isRunning = false
  #unlisten: (() => void) | undefined

  constructor(tail: Tail, executor: Executor) {
    this.tail = tail
    this.#executor = executor
  }

  /** @returns false if the member is not at the head, and has to catch up first. */
  join(member: Member): boolean {
    const { isAtHead, place } = member.follower
    if (!isAtHead) return false
    if (this.#members.size === 0) {
      this.#scanned = place.scanned
      this.#histories = this.tail.histories
      this.#unlisten ??= this.tail.listen(() => void this.#run())
    }
    this.#scanned = Math.min(this.#scanned, place.scanned)
    this.#members.add(member)
    return true
  }

  leave(member: Member): void {
    if (!this.#members.delete(member)) return
    member.exit()
    if (this.#members.size > 0) return
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let step = this.#next(); step; step = this.#next()) await this.#take(step)
    } catch {
      // Each member gets the error when it catches up.
      this.#dismissAll()
    } finally {
      this.#isRunning = false
    }
  }

  #next(): Step | undefined {
    const [first] = this.#members
    if (!first) return undefined
    const { filter } = first.follower
    const low = this.#scanned
    const kept = this.tail.histories === this.#histories ? this.tail.after(low, LOOK_EVERY) : undefined
    // Each member ends by itself, after the last event.
    const end = kept?.findIndex((event) => filter.isEnd(event)) ?? 0
    if (!kept || end === 0) {
      this.#dismissAll()
      return undefined
    }
    const events = kept.slice(0, end < 0 ? undefined : end)
    const wanted = events.filter((event) => filter.wants(event))
    const taken = wanted.slice(0, stepOf(wanted))
    const last = (taken.length < wanted.length ? taken : events).at(-1)
    return last && { events: taken, low, high: last.seq }
  }

  async #take({ events, low, high }: Step): Promise<void> {
    const histories = this.#histories
    for (const member of this.#members) {
      // One that is ahead would join again at once, without end.
      if (member.follower.place.scanned === low && (member.isFull || !member.enter(this))) this.#dismiss(member)
    }
    try {
      if (this.#members.size === 0) return
      const deliveries = events.length > 0 ? await this.#executor.deliver(events) : undefined
      const count = deliveries?.all.length ?? 0
      const last = events[count - 1]?.seq ?? 0
      const reached = count < events.length ? (events[count - 1]?.seq ?? low) : high
      let written = 0
      for (const member of this.#members) {
        const pause = ++written % LOOK_EVERY === 0 ? this.#executor.pause() : undefined
        if (pause) await pause
        if (this.tail.histories !== histories) return this.#dismissAll()
        // It may have left meanwhile.
        if (!this.#members.has(member)) continue
        const { isFull } = member
        const { place } = member.follower
        if (place.scanned === low && !(deliveries && isFull)) {
          place.advance(reached, count > 0 ? last : undefined)
          if (deliveries) member.write(deliveries)
          if (reached > last) member.notePosition()
          member.exit()
        } else if (place.scanned < reached) this.#dismiss(member)
      }
      this.#scanned = reached
    } finally {
      for (const member of this.#members) member.exit()
    }
  }

  #dismissAll(): void {
    for (const member of [...this.#members]) this.#dismiss(member)
  }

  #dismiss(member: Member): void {
    this.leave(member)
    member.catchUp()
  }
}
