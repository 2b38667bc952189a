import type { Queries } from '../../db/queries.ts'
import { retryTransient } from '../../db/retry-transient.ts'
import { isTransient } from '../../db/transient-errors.ts'
import { CodedError } from '../../errors.ts'
import type { AppendResult, NewEvent } from '../event.ts'
import {
  appendBatches,
  type BatchResult,
  DeniedError,
  type ImportResult,
  type Writer,
  type WriterOf,
} from './append-batches.ts'
import { isLarge, type PendingAppend, PendingAppends } from './pending-appends.ts'

/** Most that this process queues, `SHARE` of it for one tenant; others are sent `retryAfter`, in seconds. */
const FULL = { events: 20_000, bytes: 134_217_728, retryAfter: 1 }

const SHARE = 1 / 2

/** Age in milliseconds at which an append fails if its stream is locked. */
const TIMEOUT_MS = 10_000

export interface AppendObserver {
  committed(group: { events: number; seconds: number }): void
  finished(outcome: AppendResult['outcome'] | 'FAILED', events: number): void
}

/** Group commit: appends of one event-loop turn, or that arrive during a transaction, share the next one. */
export class AppendQueue {
  readonly #db: Queries
  readonly #atOnce: number
  readonly #observer: AppendObserver
  readonly #patience: number
  readonly #waiting = new PendingAppends()
  readonly #size = { events: 0, bytes: 0 }
  readonly #sizes = new Map<string, Size>()
  readonly #running = { all: 0, large: 0 }
  #scheduled = false

  /** @param patience age in milliseconds at which an append fails if the database is unavailable. */
  constructor(db: Queries, atOnce: number, observer: AppendObserver, patience: number) {
    this.#patience = patience
    this.#db = db
    this.#atOnce = atOnce
    this.#observer = observer
  }

  get events(): number {
    return this.#size.events
  }

  /**
   * Appends distinct ids in one transaction. @throws CodedError NOT_FOUND, RATE_LIMITED, UNAUTHENTICATED; nothing is
   * stored then. @param writer whose right to append is checked in that transaction.
   */
  async append(tenant: string, streamId: string, events: readonly NewEvent[], writer: Writer): Promise<AppendResult[]> {
    let bytes = 0
    for (const { data } of events) bytes += Buffer.byteLength(data)
    const own = this.#sizes.get(tenant) ?? { events: 0, bytes: 0 }
    const added = { events: events.length, bytes }
    if (exceeds(this.#size, added, 1) || exceeds(own, added, SHARE)) {
      this.#observer.finished('FAILED', events.length)
      throw full(exceeds(own, added, SHARE) ? 'this organization' : 'all organizations')
    }
    this.#sizes.set(tenant, own)
    this.#resize(own, events.length, bytes)
    try {
      const results = await new Promise<AppendResult[]>((resolve, reject) => {
        this.#waiting.add({ tenant, writer, streamId, events, bytes, since: performance.now(), resolve, reject })
        this.#schedule()
      })
      this.#count(results)
      return results
    } catch (error) {
      this.#observer.finished('FAILED', events.length)
      throw error
    } finally {
      this.#resize(own, -events.length, -bytes)
      if (own.events === 0) this.#sizes.delete(tenant)
    }
  }

  #count(results: readonly AppendResult[]): void {
    let recorded = 0
    for (const { outcome } of results) {
      if (outcome === 'RECORDED') recorded++
      else this.#observer.finished(outcome, 1)
    }
    if (recorded > 0) this.#observer.finished('RECORDED', recorded)
  }

  #resize(own: Size, events: number, bytes: number): void {
    for (const size of [this.#size, own]) {
      size.events += events
      size.bytes += bytes
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#running.all >= this.#atOnce) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  // Large groups get at most half of the transactions, so they cannot delay small appends.
  #start(): void {
    const mostLarge = Math.ceil(this.#atOnce / 2)
    while (this.#running.all < this.#atOnce) {
      const group = this.#waiting.take(this.#running.large < mostLarge)
      if (group.length === 0) return
      const large = Number(isLarge(group))
      this.#running.all++
      this.#running.large += large
      void this.#run(group).then((held) => {
        this.#running.all--
        this.#running.large -= large
        for (const [streamId, appends] of groupByStream(held)) this.#putBack(streamId, appends)
        for (const { streamId } of group) this.#waiting.release(streamId)
        this.#start()
      })
    }
  }

  // Never rejects; halves a failing group, streams first, to isolate the bad append. Returns appends of locked streams.
  async #run(group: readonly PendingAppend[]): Promise<PendingAppend[]> {
    if (group.length === 0) return []
    const byStream = groupByStream(group)
    try {
      const results = await this.#commit(byStream, writersOf(group))
      return byStream.flatMap(([streamId, appends], i) => {
        const result = results[i] as BatchResult
        if (result === 'HELD') return appends
        resolveAll(streamId, appends, result)
        return []
      })
    } catch (error) {
      if (error instanceof DeniedError) return await this.#run(rejectDenied(group, error))
      if (group.length === 1 || isTransient(error)) {
        for (const { reject } of group) reject(error)
        // The next groups take their time to fail, too.
        if (isTransient(error)) for (const { reject } of this.#waiting.takeOlderThan(this.#patience)) reject(error)
        return []
      }
      const [first, rest] = halvesOf(byStream)
      const held = await this.#run(first)
      // Within a stream, later appends must not overtake those that wait for its lock.
      return byStream.length === 1 && held.length > 0 ? [...held, ...rest] : [...held, ...(await this.#run(rest))]
    }
  }

  async #commit(byStream: readonly OfStream[], writers: readonly WriterOf[]): Promise<BatchResult[]> {
    const batches = byStream.map(([streamId, appends]) => ({
      streamId,
      events: appends.flatMap(({ events }) => events),
    }))
    const began = performance.now()
    try {
      // A lost response may have been a commit; the event ids make the retry idempotent.
      return await retryTransient(() => appendBatches(this.#db, batches, writers))
    } finally {
      const events = batches.reduce((sum, { events: { length } }) => sum + length, 0)
      this.#observer.committed({ events, seconds: (performance.now() - began) / 1_000 })
    }
  }

  #putBack(streamId: string, appends: readonly PendingAppend[]): void {
    const isLate = ({ since }: PendingAppend) => performance.now() - since > TIMEOUT_MS
    for (const append of appends) if (isLate(append)) append.reject(stayedLocked(streamId))
    const patient = appends.filter((append) => !isLate(append))
    if (patient.length > 0) this.#waiting.putBack(streamId, patient)
  }
}

interface Size {
  events: number
  bytes: number
}

function exceeds({ events, bytes }: Size, added: Size, share: number): boolean {
  return events + added.events > FULL.events * share || bytes + added.bytes > FULL.bytes * share
}

type OfStream = [streamId: string, appends: PendingAppend[]]

function groupByStream(group: readonly PendingAppend[]): OfStream[] {
  const byStream = new Map<string, PendingAppend[]>()
  for (const append of group) {
    const appends = byStream.get(append.streamId)
    if (appends) appends.push(append)
    else byStream.set(append.streamId, [append])
  }
  return [...byStream]
}

function halvesOf(byStream: readonly OfStream[]): [PendingAppend[], PendingAppend[]] {
  const [[, alone] = ['', []]] = byStream
  const whole = byStream.length > 1 ? byStream.map(([, appends]) => appends) : alone.map((append) => [append])
  const middle = Math.ceil(whole.length / 2)
  return [whole.slice(0, middle).flat(), whole.slice(middle).flat()]
}

function resolveAll(streamId: string, appends: readonly PendingAppend[], results: ImportResult[] | 'NO_STREAM'): void {
  let given = 0
  for (const { events, resolve, reject } of appends) {
    if (results === 'NO_STREAM') reject(noStream(streamId))
    // Without times, no result is OUT_OF_ORDER.
    else resolve(results.slice(given, given + events.length) as AppendResult[])
    given += events.length
  }
}

function writersOf(group: readonly PendingAppend[]): WriterOf[] {
  const writers = new Map<string, WriterOf>()
  for (const { writer, streamId } of group)
    writers.set(`${writer.keyId} ${writer.kind} ${streamId}`, { ...writer, streamId })
  return [...writers.values()]
}

function rejectDenied(group: readonly PendingAppend[], { denied, strangers }: DeniedError): PendingAppend[] {
  return group.filter(({ writer, streamId, reject }) => {
    const isOf = (each: WriterOf) =>
      each.keyId === writer.keyId && each.kind === writer.kind && each.streamId === streamId
    if (denied.some(isOf)) reject(new CodedError('UNAUTHENTICATED', 'The API key is no longer valid.'))
    else if (strangers.some(isOf)) reject(noStream(streamId))
    else return true
    return false
  })
}

function noStream(streamId: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
}

function stayedLocked(streamId: string): CodedError {
  const message = `Stream ${streamId} stayed locked by another transaction for too long. Retry after 1 s.`
  return new CodedError('UNAVAILABLE', message, { retryAfter: 1 })
}

function full(whose: string): CodedError {
  const { retryAfter } = FULL
  const message = `Too many events of ${whose} are waiting to be recorded. Retry after 1 s.`
  return new CodedError('RATE_LIMITED', message, { retryAfter })
}
