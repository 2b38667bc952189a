import { randomUUID } from 'node:crypto'
import { constants, openSync, type Stats } from 'node:fs'
import { lstat, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { StartError } from '../../errors.ts'
import { printError } from '../terminal.ts'

/** Interval at which a pipe without a reader is tried again, in milliseconds. */
const READER_MS = 100

export interface Output {
  readonly stream: Writable
  /** Makes what was written appear, if that is not immediate. */
  finish(): Promise<void>
  discard(): Promise<void>
}

/** Other names of standard output: opened anew, a file behind it would be replaced. */
const STANDARD_OUTPUT = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])

export function isStandardOutput(file: string): boolean {
  return STANDARD_OUTPUT.has(file)
}

/**
 * Opens a file that appears when it is complete, with mode 600, where a link leads; or a pipe or device as it is. As a
 * kernel protects shared folders, links and pipes count only if they are of this user or root.
 * @throws StartError for what is of another user, and for a folder, a socket or a link without a target.
 */
export async function openOutput(file: string, signal: AbortSignal): Promise<Output> {
  const link = await found(lstat(file))
  if (!link) return openFile(file)
  if (!isOwn(link) && !link.isFile()) throw new StartError(`${file} belongs to another user. Choose another file.`)
  const target = await found(stat(file))
  if (!target) throw new StartError(`${file} is a link without a target. Choose another file.`)
  // A file that is open already would be replaced by another one.
  if (target.isFile() && (await realpath(dirname(file))).startsWith('/proc/'))
    return asItIs((await open(file, 'a')).createWriteStream())
  if (target.isFile()) return openFile(await realpath(file))
  if (!isOwn(target)) throw new StartError(`${file} belongs to another user. Choose another file.`)
  if (target.isFIFO()) return asItIs(await openPipe(file, signal))
  if (target.isCharacterDevice()) return asItIs((await open(file, 'w')).createWriteStream())
  throw new StartError(`${file} is not a file, a pipe or a device. Choose another file, or - for standard output.`)
}

async function found(reading: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await reading
  } catch (error) {
    // Anything else shows again when the file is created.
    if (error instanceof Error && 'syscall' in error) return undefined
    throw error
  }
}

function isOwn({ uid }: Stats): boolean {
  return uid === process.getuid?.() || uid === 0
}

async function openFile(file: string): Promise<Output> {
  // "wx" follows no link, and two exports to one name do not mix.
  const part = `${file}.${randomUUID()}.part`
  const stream = (await open(part, 'wx', 0o600)).createWriteStream({ flush: true })
  return { stream, finish: () => rename(part, file), discard: () => rm(part, { force: true }) }
}

function asItIs(stream: Writable): Output {
  return { stream, finish: async () => undefined, discard: async () => undefined }
}

// Opening it blocks until there is a reader, and could not be interrupted.
async function openPipe(file: string, signal: AbortSignal): Promise<Writable> {
  for (let tries = 0; ; tries++) {
    try {
      return new Socket({
        fd: openSync(file, constants.O_WRONLY | constants.O_NONBLOCK),
        readable: false,
        writable: true,
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
      if (tries === 0) printError(`Waiting for a reader of ${file}.`)
      await setTimeout(READER_MS, undefined, { signal })
    }
  }
}
