import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { StartError } from '../errors.ts'

/** @throws StartError for a directory and the like, which Node.js passes off as an input that is empty. */
export function standardInput(): Readable {
  const stats = fstatSync(0)
  if (stats.isFile() || stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice()) return process.stdin
  const found = stats.isDirectory() ? 'a directory' : 'no file, pipe or device'
  throw new StartError(`Standard input is ${found}: it cannot be read.`)
}

/** What an input yields. @throws StartError if it cannot be read, in which case the system says why. */
export async function* bytesOf(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* input
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`Reading failed: ${(error as Error).message}`, { cause: error })
  }
}
