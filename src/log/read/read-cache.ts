import { LRUCache } from 'lru-cache'
import type { MemoryBudget } from '../../lib/budget/memory-budget.ts'
import { SharedWork } from '../../lib/shared-work.ts'
import type { Counts } from './counters.ts'
import { EventCache } from './event-cache.ts'
import { createFilteredPages, type FilteredPages } from './filtered-page.ts'
import type { Read } from './range.ts'
import { SmallReads } from './small-reads.ts'

/** Streams whose counts are cached. */
const MOST_COUNTS = 1_000

/** What reads keep for later ones. Each part is used only as of a state of its stream that was found later. */
export interface ReadCache {
  readonly events: EventCache
  readonly reading: SharedWork<Read>
  readonly filtered: FilteredPages
  readonly small: SmallReads
  readonly counts: LRUCache<string, Counts>
  readonly counting: SharedWork<Counts | undefined>
}

/** @param memory counts the events, and evicts them when requests need the memory. */
export function createReadCache(memory: MemoryBudget): ReadCache {
  const events: EventCache = new EventCache(
    memory.cacheBytes,
    memory.openCache((bytes) => events.shrink(bytes)),
  )
  return {
    events,
    reading: new SharedWork(),
    filtered: createFilteredPages(),
    small: new SmallReads(),
    counts: new LRUCache({ max: MOST_COUNTS }),
    counting: new SharedWork(),
  }
}
