import { deserialize, serialize } from 'node:v8'
import type { SqlQuery } from '@prisma/driver-adapter-utils'

/** What a command asks of the server that has the embedded database open. A transaction belongs to its connection. */
export type Request =
  | { method: 'queryRaw' | 'executeRaw'; query: SqlQuery }
  | { method: 'query'; sql: string; parameters?: unknown[] }
  | { method: 'exec'; sql: string }
  | { method: 'begin' | 'commit' | 'rollback' }

/** `cause`: of an error of Prisma's driver adapter. */
export type Reply = { result: unknown } | { message: string; cause?: object }

const HEADER = 4

/** A message, with all values that statements take and return, dates and bytes included. */
export function encodeMessage(message: Request | Reply): Buffer {
  const body = serialize(message)
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(body.length)
  return Buffer.concat([header, body])
}

export async function* decodeMessages<Message>(chunks: AsyncIterable<Buffer>): AsyncGenerator<Message, undefined> {
  let parts: Buffer[] = []
  let length = 0
  let needed = HEADER
  for await (const chunk of chunks) {
    parts.push(chunk)
    length += chunk.length
    // Joined twice per message at most, as a large one arrives in thousands of parts.
    while (length >= needed) {
      const bytes = Buffer.concat(parts)
      const end = HEADER + bytes.readUInt32BE()
      const complete = length >= end
      if (complete) yield deserialize(bytes.subarray(HEADER, end))
      needed = complete ? HEADER : end
      parts = [complete ? bytes.subarray(end) : bytes]
      length = parts[0]?.length ?? 0
    }
  }
}
