import type { AppendResult, NewEvent } from '../event.ts'

/**
 * What goes into one transaction at most, give or take one append: of more, each would only wait longer for the
 * others.
 */
const GROUP = { events: 1_000, bytes: 4_194_304, streams: 64 }

/**
 * What several streams share at most, in bytes. What is larger has a transaction of its own, so that nothing small waits
 * for it to be written.
 */
const SHARED_BYTES = 262_144

/** One caller's append, which waits for its turn. */
export interface PendingAppend {
  /** On whose account. */
  readonly tenant: string
  readonly streamId: string
  /** With different ids. */
  readonly events: readonly NewEvent[]
  /** Of payloads, roughly. */
  readonly bytes: number
  /** When it came, in milliseconds. */
  readonly since: number
  resolve(results: AppendResult[]): void
  reject(error: unknown): void
}

/**
 * Appends that wait, by stream: in the order in which they came, and of each stream one group at a time. Tenants take
 * turns, so that however many streams of one have something waiting, a stream of another is among the next.
 */
export class PendingAppends {
  /** The streams, of each tenant in the order of their turn. */
  readonly #byStream = new Map<string, PendingAppend[]>()
  readonly #taken = new Set<string>()
  /** When each tenant with something waiting had its last turn. */
  readonly #turns = new Map<string, number>()
  #turn = 0
  /** Streams that somebody else held. */
  readonly #alone = new Set<string>()

  add(append: PendingAppend): void {
    const waiting = this.#byStream.get(append.streamId)
    if (waiting) waiting.push(append)
    else this.#byStream.set(append.streamId, [append])
  }

  /**
   * Takes what goes into the next transaction. Of its streams nothing more is taken until they are released.
   * @param mayBeLarge whether it may have more bytes than several streams share.
   */
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
      // What is left of it is last in turn.
      this.#byStream.delete(streamId)
      if (waiting.length > 0) this.#byStream.set(streamId, waiting)
      group.push(...taken)
      room.streams--
      room.events -= taken.reduce((sum, { events }) => sum + events.length, 0)
      room.bytes = SHARED_BYTES - bytesOf(group)
      if (alone) break
    }
    // What has to go alone is first once its tenant is.
    for (const tenant of passedOver) this.#turns.delete(tenant)
    return group
  }

  /**
   * The first stream of each tenant, then the second of each, and so on; first the tenant whose last turn is longest
   * ago.
   */
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

  /**
   * Gives back what could not be done because somebody else held its stream: it goes first there, and alone, so that
   * it can wait.
   */
  putBack(streamId: string, appends: readonly PendingAppend[]): void {
    this.#byStream.set(streamId, [...appends, ...(this.#byStream.get(streamId) ?? [])])
    this.#alone.add(streamId)
  }

  /** Lets a stream have its turn again. */
  release(streamId: string): void {
    this.#taken.delete(streamId)
  }
}

/** Whether a group has a transaction of its own. */
export function isLarge(group: readonly PendingAppend[]): boolean {
  return bytesOf(group) > SHARED_BYTES
}

function bytesOf(appends: readonly PendingAppend[]): number {
  return appends.reduce((sum, { bytes }) => sum + bytes, 0)
}

function tenantOf(waiting: readonly PendingAppend[]): string {
  return waiting[0]?.tenant ?? ''
}

// As many as there is room for, one in any case, up to one that repeats an id: that has to meet its first in another
// transaction.
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
