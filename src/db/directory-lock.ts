import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { StartError } from '../errors.ts'

/**
 * Takes `tidemark.lock` in the folder until the handle is closed or the process ends, however it ends:
 * the lock is the kernel's, so a killed holder leaves nothing in the way. PGlite has no lock of its own, and two processes
 * on one folder lose rows that were acknowledged.
 * @throws StartError at once, naming the holder's process id, or saying why the folder cannot be used.
 */
export async function lockDirectory(directory: string): Promise<FileHandle> {
  const file = await openLockFile(directory)
  if (!tryLock(file.fd)) {
    const holder = (await file.readFile('utf8')).trim()
    await file.close()
    throw new StartError(
      `${directory} is in use by process ${holder || '(starting)'}: stop it, or choose another DATA_DIR.`,
    )
  }
  await file.truncate()
  await file.write(`${process.pid}\n`)
  return file
}

// It is truncated by its holder, so it must not be a link that others have left here.
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

async function openLockFile(directory: string): Promise<FileHandle> {
  try {
    return await open(join(directory, 'tidemark.lock'), FLAGS, 0o600)
  } catch (error) {
    throw new StartError(`DATA_DIR cannot be used: ${(error as Error).message}`, { cause: error })
  }
}
