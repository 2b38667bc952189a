import { LRUCache } from 'lru-cache'
import type { FindStream, Stream } from '../read/stream-index.ts'

/** What never changes of a stream; nor is its id used again, unless a restore undoes both its creation and deletion. */
export type StreamOwner = Pick<Stream, 'id' | 'organizationId' | 'kind'>

/** Streams whose owners are kept, at some 200 bytes each. */
const KEPT = 10_000

export type OwnerOf = (
  id: string,
  isWanted: (owner: StreamOwner) => boolean,
  reader?: string,
) => Promise<StreamOwner | undefined>

/**
 * Finds what the right to append depends on, without a statement for streams that were found before and fit what is
 * wanted. Such a stream may have been deleted or replaced since: an append checks that. @throws as `findStream`
 */
export function createOwnerOf(findStream: FindStream): OwnerOf {
  const kept = new LRUCache<string, StreamOwner>({ max: KEPT })
  return async (id, isWanted, reader) => {
    const known = kept.get(id)
    if (known && isWanted(known)) return known
    const found = await findStream(id, reader)
    if (!found) {
      kept.delete(id)
      return undefined
    }
    const owner: StreamOwner = { id: found.id, organizationId: found.organizationId, kind: found.kind }
    kept.set(id, owner)
    return owner
  }
}
