import { type FileHandle, open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Config } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { parseLine } from '../event-line.ts'
import type { ImportItem } from './import-item.ts'
import { linesOf } from './lines.ts'
import { type ImportOptions, type OpenedSource, runImport } from './run-import.ts'

/** Imports a file of events, one per line. @param file `-` for standard input; names ending in `.gz` are unpacked. */
export function importFile(config: Config, file: string, options: ImportOptions): Promise<void> {
  return runImport(config, options, (_target, signal) => {
    return file === '-' ? { source: itemsIn(process.stdin, signal) } : openFile(file, signal)
  })
}

async function openFile(file: string, signal: AbortSignal): Promise<OpenedSource> {
  const handle = await openForReading(file)
  const stat = await handle.stat()
  const input = handle.createReadStream()
  // In packed bytes, a buffer or two ahead of the lines.
  const size = stat.isFile() ? { total: stat.size, read: () => input.bytesRead } : undefined
  const bytes = file.endsWith('.gz') ? pipeline(input, createGunzip(), () => undefined) : input
  return { source: itemsIn(bytes, signal), size }
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw new StartError(`Cannot read the file: ${(error as Error).message}`, { cause: error })
  }
}

async function* itemsIn(input: Readable, signal: AbortSignal): AsyncGenerator<ImportItem[]> {
  signal.addEventListener('abort', () => input.destroy(), { once: true })
  try {
    for await (const lines of linesOf(input)) yield lines.map(parseLine)
  } catch (error) {
    throw new StartError(`Reading failed: ${(error as Error).message}`, { cause: error })
  }
}
