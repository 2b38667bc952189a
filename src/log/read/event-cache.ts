import { LRUCache } from 'lru-cache'
import type { Prefix, SizedEvent } from './range.ts'

/** Positions of a block, of which a page of default length needs one or two. */
const SPAN = 32

/** Bytes in memory of an event without its payload, and of an empty place in a block. */
const WEIGHT = { event: 512, place: 8 } as const

/** Events at `SPAN` positions, as of one version of their stream; undefined where none was read. */
interface Block {
  readonly version: string
  readonly events: readonly (SizedEvent | undefined)[]
}

/** Whose events are meant: a stream as of a version. `prefix`: what is read of their payloads. */
export interface CacheKey {
  readonly streamId: string
  readonly version: string
  readonly prefix: Prefix
}

/** The most recently used events, shared by all requests, which must not change them. */
export class EventCache {
  readonly #blocks: LRUCache<string, Block>
  readonly #count: (bytes: number) => void
  #counted = 0
  /** Requested events that were cached, or were not. */
  readonly asked = { hits: 0, misses: 0 }

  /** @param bytes maximum. @param count receives by how many bytes the cache has grown, negative when it has shrunk. */
  constructor(bytes: number, count: (bytes: number) => void) {
    this.#blocks = new LRUCache({
      maxSize: bytes,
      sizeCalculation: ({ events }) => events.reduce((sum, event) => sum + sizeOf(event), SPAN * WEIGHT.place),
    })
    this.#count = count
  }

  get bytes(): number {
    return this.#counted
  }

  get(key: CacheKey, low: number, high: number): (SizedEvent | undefined)[] {
    const found: (SizedEvent | undefined)[] = []
    for (let start = startOf(low); start <= high; start += SPAN) {
      const events = this.#eventsOf(key, start)
      for (let seq = Math.max(low, start); seq <= Math.min(high, start + SPAN - 1); seq++)
        found.push(events?.[seq - start])
    }
    const misses = found.reduce((sum, event) => sum + Number(event === undefined), 0)
    this.asked.misses += misses
    this.asked.hits += found.length - misses
    return found
  }

  /** Adds events, in any order; those of another version are forgotten. */
  add(key: CacheKey, events: readonly SizedEvent[]): void {
    const changed = new Map<number, (SizedEvent | undefined)[]>()
    for (const event of events) {
      const start = startOf(event.seq)
      const block = changed.get(start) ?? [...(this.#eventsOf(key, start) ?? Array(SPAN).fill(undefined))]
      changed.set(start, block)
      block[event.seq - start] = event
    }
    for (const [start, events] of changed) this.#blocks.set(keyOf(key, start), { version: key.version, events })
    this.#recount()
  }

  /** Forgets the least recently used events, of at least that many bytes or all. */
  shrink(bytes: number): void {
    const goal = Math.max(0, this.#blocks.calculatedSize - bytes)
    while (this.#blocks.calculatedSize > goal) this.#blocks.pop()
    this.#recount()
  }

  #eventsOf(key: CacheKey, start: number): Block['events'] | undefined {
    const block = this.#blocks.get(keyOf(key, start))
    return block?.version === key.version ? block.events : undefined
  }

  #recount(): void {
    const { calculatedSize } = this.#blocks
    if (calculatedSize !== this.#counted) this.#count(calculatedSize - this.#counted)
    this.#counted = calculatedSize
  }
}

function startOf(seq: number): number {
  return seq - (seq % SPAN)
}

function keyOf({ streamId, prefix }: CacheKey, start: number): string {
  return `${streamId} ${prefix} ${start}`
}

// V8 stores text that is not Latin-1 with two bytes per unit.
function sizeOf(event: SizedEvent | undefined): number {
  if (!event) return 0
  return WEIGHT.event + (event.bytes === event.data.length ? event.bytes : event.data.length * 2)
}
