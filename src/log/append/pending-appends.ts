import type { AppendResult, NewEvent } from '../event.ts'
import type { Writer } from './append-batches.ts'

/** Most of one transaction, give or take one append: in a larger one, appends only wait longer for each other. */
const GROUP = { events: 1_000, bytes: 4_194_304, streams: 64 }

/** Most bytes that streams share in a transaction; a larger append has its own, so that small ones do not wait. */
const SHARED_BYTES = 262_144

export interface PendingAppend {
  readonly tenant: string
  /** Whose right to append the transaction checks. */
  readonly writer: Writer
  readonly streamId: string
  readonly events: readonly NewEvent[]
  /** Payload size in UTF-8. */
  readonly bytes: number
  /** When it was queued, by `performance.now`. */
  readonly since: number
  resolve(results: AppendResult[]): void
  reject(error: unknown): void
}

/** Waiting appends: FIFO per stream, one group per stream at a time, tenants in turn however many streams each has. */
export class PendingAppends {
  /** Insertion order is the order of turns within a tenant; a served stream moves to the end. */
  readonly #byStream = new Map<string, PendingAppend[]>()
  readonly #taken = new Set<string>()
  readonly #turns = new Map<string, number>()
  #turn = 0
  readonly #alone = new Set<string>()

  add(append: PendingAppend): void {
    const waiting = this.#byStream.get(append.streamId)
    if (waiting) waiting.push(append)
    else this.#byStream.set(append.streamId, [append])
  }

  /** Takes the next group; its streams are blocked until released. @param mayBeLarge allows more than SHARED_BYTES. */
  take(mayBeLarge: boolean): PendingAppend[] {
    const group: PendingAppend[] = []
    const room = { ...GROUP, bytes: mayBeLarge ? GROUP.bytes : SHARED_BYTES }
    const passedOver: string[] = []
    for (const [streamId, waiting] of this.#inTurn()) {
      if (room.streams <= 0 || room.events <= 0 || room.bytes <= 0) break
      const alone = this.#alone.has(streamId)
      if (this.#taken.has(streamId)) continue
      if (alone && group.length > 0) {
        passedOver.push(tenantOf(waiting))
        continue
      }
      const [first] = waiting
      if ((group.length > 0 || !mayBeLarge) && first && first.bytes > room.bytes) continue
      this.#alone.delete(streamId)
      this.#turns.set(tenantOf(waiting), ++this.#turn)
      const taken = waiting.splice(0, countDistinct(waiting, room))
      this.#taken.add(streamId)
      this.#byStream.delete(streamId)
      if (waiting.length > 0) this.#byStream.set(streamId, waiting)
      group.push(...taken)
      room.streams--
      room.events -= taken.reduce((sum, { events }) => sum + events.length, 0)
      room.bytes = SHARED_BYTES - bytesOf(group)
      if (alone) break
    }
    // A passed-over tenant goes first next time, so that its locked stream can go alone.
    for (const tenant of passedOver) this.#turns.delete(tenant)
    return group
  }

  /** The first stream of each tenant, then the second of each, and so on; least recently served tenant first. */
  *#inTurn(): Generator<[streamId: string, waiting: PendingAppend[]]> {
    const byTenant = new Map<string, [string, PendingAppend[]][]>()
    for (const stream of this.#byStream) {
      const tenant = tenantOf(stream[1])
      const streams = byTenant.get(tenant)
      if (streams) streams.push(stream)
      else byTenant.set(tenant, [stream])
    }
    for (const tenant of this.#turns.keys()) if (!byTenant.has(tenant)) this.#turns.delete(tenant)
    const lastTurn = (tenant: string) => this.#turns.get(tenant) ?? 0
    let lines = [...byTenant].sort(([a], [b]) => lastTurn(a) - lastTurn(b)).map(([, streams]) => streams)
    for (let i = 0; lines.length > 0; i++) {
      for (const line of lines) yield line[i] as [string, PendingAppend[]]
      lines = lines.filter(({ length }) => length > i + 1)
    }
  }

  /** Puts appends back at the front of their locked stream, to go alone, so that they can wait for the lock. */
  putBack(streamId: string, appends: readonly PendingAppend[]): void {
    this.#byStream.set(streamId, [...appends, ...(this.#byStream.get(streamId) ?? [])])
    this.#alone.add(streamId)
  }

  release(streamId: string): void {
    this.#taken.delete(streamId)
  }

  /** Takes the appends that have waited longer than this many milliseconds, by the clock of their `since`. */
  takeOlderThan(milliseconds: number): PendingAppend[] {
    const since = performance.now() - milliseconds
    const taken: PendingAppend[] = []
    for (const [streamId, waiting] of this.#byStream) {
      const young = waiting.findIndex((append) => append.since >= since)
      taken.push(...waiting.splice(0, young < 0 ? waiting.length : young))
      if (waiting.length > 0) continue
      this.#byStream.delete(streamId)
      this.#alone.delete(streamId)
    }
    return taken
  }
}

export function isLarge(group: readonly PendingAppend[]): boolean {
  return bytesOf(group) > SHARED_BYTES
}

function bytesOf(appends: readonly PendingAppend[]): number {
  return appends.reduce((sum, { bytes }) => sum + bytes, 0)
}

function tenantOf(waiting: readonly PendingAppend[]): string {
  return waiting[0]?.tenant ?? ''
}

// As many as fit, at least one, up to a repeated id: a repeat must see the first one committed.
function countDistinct(waiting: readonly PendingAppend[], room: { events: number; bytes: number }): number {
  let { events: roomForEvents, bytes: roomForBytes } = room
  const ids = new Set<string>()
  let count = 0
  for (const { events, bytes } of waiting) {
    roomForEvents -= events.length
    roomForBytes -= bytes
    if (count > 0 && (roomForEvents < 0 || roomForBytes < 0 || events.some(({ id }) => ids.has(id)))) break
    for (const { id } of events) ids.add(id)
    count++
  }
  return count
}
