import type { IncomingMessage } from 'node:http'
import type { Holding } from './budget/memory-budget.ts'
import { ByteLimitError } from './read-bytes.ts'

/**
 * The body of a request; empty when it has none. Reserves what is said of its length before it is read, and what
 * comes without a length as it comes.
 * @throws ByteLimitError as soon as there are more than `limit` bytes, CodedError when there is no room.
 */
export async function readBody(request: IncomingMessage, limit: number, holding: Holding): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) throw new ByteLimitError()
  holding.reserve(announced)
  const chunks: Buffer[] = []
  let size = 0
  // Who sends too much is still answered: the connection goes on.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new ByteLimitError()
    if (size > holding.bytes) holding.reserve(size - holding.bytes)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}
