import { constants } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { StartError } from '../errors.ts'

/** PGlite has no lock, and two processes lose acknowledged rows. @throws StartError if another process has this one. */
export async function lockDirectory(directory: string): Promise<FileHandle> {
  const lock = await tryLockDirectory(directory)
  if (!lock) throw await inUse(directory, 'Stop it, or choose another DATA_DIR.')
  return lock
}

/** Likewise, but undefined when another process has the lock. @throws StartError when the folder is unusable. */
export async function tryLockDirectory(directory: string): Promise<FileHandle | undefined> {
  const file = await openLockFile(directory)
  if (!tryLock(file.fd)) {
    await file.close()
    return undefined
  }
  await file.truncate()
  await file.write(`${process.pid}\n`)
  return file
}

/** An error that names the process which has the lock. */
export async function inUse(directory: string, advice: string): Promise<StartError> {
  const holder = (await readFile(join(directory, LOCK_FILE), 'utf8')).trim()
  return new StartError(`${directory} is in use by process ${holder || '(starting)'}. ${advice}`)
}

const LOCK_FILE = 'tidemark.lock'

// O_NOFOLLOW: the holder truncates the file, so it must not be a link left by another user.
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

async function openLockFile(directory: string): Promise<FileHandle> {
  try {
    return await open(join(directory, LOCK_FILE), FLAGS, 0o600)
  } catch (error) {
    throw new StartError(`DATA_DIR cannot be used: ${(error as Error).message}`, { cause: error })
  }
}
