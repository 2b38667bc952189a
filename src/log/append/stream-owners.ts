import { LRUCache } from 'lru-cache'
import type { FindStream, Stream } from '../read/stream-index.ts'

/** What never changes of a stream; nor is its id used again. */
export type StreamOwner = Pick<Stream, 'id' | 'organizationId' | 'kind'>

/** Streams whose owners are kept, at some 200 bytes each. */
const KEPT = 10_000

/**
 * Finds what the right to append depends on, without a statement for streams that were found before: it may belong to
 * one that was deleted meanwhile, which an append finds out. @throws CodedError as `findStream`
 */
export function createOwnerOf(
  findStream: FindStream,
): (id: string, reader?: string) => Promise<StreamOwner | undefined> {
  const kept = new LRUCache<string, StreamOwner>({ max: KEPT })
  return async (id, reader) => {
    const known = kept.get(id)
    if (known) return known
    const found = await findStream(id, reader)
    if (!found) return undefined
    const owner: StreamOwner = { id: found.id, organizationId: found.organizationId, kind: found.kind }
    kept.set(id, owner)
    return owner
  }
}
