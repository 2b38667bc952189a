import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { withTimeout } from '../../lib/timeout.ts'
import type { HistoryChange } from '../read/history.ts'
import { changedStreams, type Stream } from '../read/stream-index.ts'
import { streamDeleted, tooSlow } from './failures.ts'
import { Follower, type FollowOptions } from './follower.ts'
import { Tail } from './tail.ts'
import { createTailReads, type ReadTail } from './tail-reads.ts'
import type { WakeupSource, Wakeups } from './wakeups.ts'

/** Interval of comparing followed heads with the database, in milliseconds: the longest delay of a lost wake-up. */
const POLL_MS = 1_000

const TIMEOUT_MS = 5_000

export type ReadSource = WakeupSource | 'poll'

export interface FollowedStreamsOptions {
  wakeups: Wakeups
  /** How long a reader may leave new events unread, in milliseconds. */
  slowAfter: number
  onError: (error: unknown) => void
  onHistoryChanged: (change: HistoryChange) => void
}

export interface FollowedStreamsCounts {
  readonly streams: number
  readonly followers: number
  readonly lag: number
}

interface FollowedStream {
  tail: Tail
  followers: Set<Follower>
  unlisten: () => void
  onClose: (follower: Follower) => void
  onError: (error: unknown) => void
}

/** All followers of this process, and one tail per followed stream. */
export class FollowedStreams implements AsyncDisposable {
  readonly #db: PrismaClient
  readonly #readTail: ReadTail
  readonly #options: FollowedStreamsOptions
  readonly #streams = new Map<string, FollowedStream>()
  /** Slow followers whose error is not collected yet, with when to break their connections. */
  readonly #stuck = new Map<Follower, number>()
  readonly reads: Record<ReadSource, number> = { 'in-process': 0, postgres: 0, redis: 0, poll: 0 }
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #disposed = false

  constructor(db: PrismaClient, options: FollowedStreamsOptions) {
    this.#db = db
    this.#readTail = createTailReads(db)
    this.#options = options
  }

  /** Follows a stream, catching up through the caller's client. @throws CodedError UNAVAILABLE after disposal. */
  follow(db: PrismaClient, known: Stream, options: FollowOptions): Follower {
    if (this.#disposed) throw stopping()
    const stream = this.#streams.get(known.id) ?? this.#open(known)
    if (known.head > stream.tail.head || known.epoch !== stream.tail.epoch) void stream.tail.read()
    // A new reader gets nothing that was removed before it came, whatever this server has been notified of.
    stream.tail.note(known)
    const follower = new Follower(db, stream.tail, known, options, stream)
    stream.followers.add(follower)
    return follower
  }

  get counts(): FollowedStreamsCounts {
    let [count, lag] = [0, 0]
    for (const { followers } of this.#streams.values()) {
      count += followers.size
      for (const follower of followers) lag = Math.max(lag, follower.lag)
    }
    return { streams: this.#streams.size, followers: count, lag }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    for (const { followers } of [...this.#streams.values()]) for (const follower of [...followers]) follower.return()
    this.#stuck.clear()
    this.#rest()
    await this.#polling
  }

  #open(known: Stream): FollowedStream {
    const { id: streamId } = known
    const followers = new Set<Follower>()
    const tail = new Tail(this.#db, this.#readTail, known, this.#options, () => {
      for (const follower of [...followers]) follower.fail(streamDeleted(streamId, follower.place.cursor))
    })
    // Listen before reading, so that no event since the head was queried is missed.
    const unlisten = this.#options.wakeups.listen(streamId, (source) => void this.#read(tail, source))
    void tail.read()
    const stream: FollowedStream = {
      tail,
      followers,
      unlisten,
      onClose: (follower) => {
        followers.delete(follower)
        if (followers.size === 0) this.#drop(streamId, stream)
      },
      onError: this.#options.onError,
    }
    this.#streams.set(streamId, stream)
    this.#timer ??= setInterval(() => {
      this.#failSlow()
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined
      })
    }, POLL_MS)
    return stream
  }

  #drop(streamId: string, { unlisten }: FollowedStream): void {
    unlisten()
    this.#streams.delete(streamId)
    this.#rest()
  }

  #rest(): void {
    if (this.#streams.size > 0 || this.#stuck.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #read(tail: Tail, source: ReadSource): Promise<void> {
    const { head } = tail
    await tail.read()
    if (tail.head > head) this.reads[source]++
  }

  async #poll(): Promise<void> {
    try {
      const known = [...this.#streams.values()].map(({ tail }) => {
        const { streamId: id, head, epoch, redactions } = tail
        return { id, head, epoch, redactions, tail }
      })
      const changed = new Set(await withTimeout(changedStreams(this.#db, known), TIMEOUT_MS))
      for (const { id, head, tail } of known) {
        // One that has grown meanwhile was read. One that was not found is looked for again by the read.
        if (changed.has(id) && tail.head === head) void this.#read(tail, 'poll')
      }
    } catch (error) {
      this.#options.onError(error)
    }
  }

  // First the read fails with a resume cursor; if that stays unread for `slowAfter` again, the connection is cut.
  #failSlow(): void {
    const { slowAfter } = this.#options
    for (const { followers } of [...this.#streams.values()]) {
      for (const follower of [...followers]) {
        if (!follower.isSlow(slowAfter)) continue
        this.#stuck.set(follower, performance.now() + slowAfter)
        follower.fail(tooSlow(follower.place.cursor))
      }
    }
    for (const [follower, until] of this.#stuck) {
      if (performance.now() < until) continue
      this.#stuck.delete(follower)
      if (!follower.isDone) follower.cutOff()
    }
    this.#rest()
  }
}

function stopping(): CodedError {
  return new CodedError('UNAVAILABLE', 'This server is stopping. Retry after 1 s.', { retryAfter: 1 })
}
