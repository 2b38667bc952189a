import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Config } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { parseLine } from '../event-line.ts'
import { bytesOf, standardInput } from '../standard-input.ts'
import { FileHeads } from './file-heads.ts'
import type { ImportItem } from './import-item.ts'
import { linesOf } from './lines.ts'
import { type ImportOptions, type OpenedSource, runImport } from './run-import.ts'
import { unpacked } from './unpacked.ts'

/** Imports a file of events and what they belong to, one per line. @param file `-` for standard input. */
export function importFile(config: Config, file: string, options: ImportOptions): Promise<void> {
  return runImport(config, options, (_target, signal) => {
    return file === '-' ? sourceOf(standardInput(), signal) : openFile(file, signal)
  })
}

async function openFile(file: string, signal: AbortSignal): Promise<OpenedSource> {
  const handle = await openForReading(file)
  const stat = await handle.stat()
  if (stat.isDirectory()) {
    await handle.close()
    throw new StartError(`${file} is a directory. Name a file.`)
  }
  if (stat.isFile() && stat.size === 0 && /\.gz$/i.test(file))
    throw new StartError(`${file} is empty, so it is not a compressed file.`)
  const input = handle.createReadStream()
  // In packed bytes, a buffer or two ahead of the lines.
  const size = stat.isFile() ? { total: stat.size, read: () => input.bytesRead } : undefined
  return { ...sourceOf(input, signal), size }
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw new StartError(`Cannot read the file: ${(error as Error).message}`, { cause: error })
  }
}

function sourceOf(input: Readable, signal: AbortSignal): OpenedSource {
  const heads = new FileHeads()
  return { source: itemsIn(input, heads, signal), missing: async () => heads.missing }
}

async function* itemsIn(input: Readable, heads: FileHeads, signal: AbortSignal): AsyncGenerator<ImportItem[]> {
  signal.addEventListener('abort', () => input.destroy(), { once: true })
  for await (const lines of linesOf(bytesOf(unpacked(input)))) {
    const items = lines.map(parseLine)
    for (const item of items) heads.see(item)
    yield items
  }
}
