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
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      size += chunk.length
      try {
        if (size > limit) throw new ByteLimitError()
        if (size > holding.bytes) holding.reserve(size - holding.bytes)
        chunks.push(chunk)
      } catch (error) {
        // The connection stays open, so that an oversized request gets a response.
        end(() => reject(error))
        request.pause()
      }
    }
    const finish = () => end(resolve)
    const fail = (error: Error) => end(() => reject(error))
    const close = () => end(() => reject(incomplete()))
    const end = (settle: () => void) => {
      request.off('data', take).off('end', finish).off('error', fail).off('close', close)
      settle()
    }
    if (request.destroyed) return reject(request.errored ?? incomplete())
    // By events: its async iterator takes longer than a small body. Node reports an aborted request as an error.
    request.on('error', fail).on('close', close).on('end', finish).on('data', take)
  })
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

// As Node.js reports it.
function incomplete(): Error {
  return Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
}
