import type { IncomingMessage } from 'node:http'
import type { Holding } from './budget/memory-budget.ts'
import { ByteLimitError } from './read-bytes.ts'

/** Reads a body, reserving memory first. @throws ByteLimitError above `limit`, CodedError when the budget is full. */
export async function readBody(request: IncomingMessage, limit: number, holding: Holding): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) throw new ByteLimitError()
  holding.reserve(announced)
  const chunks: Buffer[] = []
  let size = 0
  // Keeps the connection open, so that an oversized request gets a response.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new ByteLimitError()
    if (size > holding.bytes) holding.reserve(size - holding.bytes)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}
