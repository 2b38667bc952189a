import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { StartError } from '../errors.ts'

/**
 * Kernel lock until the handle closes or the process ends: PGlite has none, and two processes lose acknowledged rows.
 * @throws StartError at once, with the holder's process id or why the folder is unusable.
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

// O_NOFOLLOW: the holder truncates the file, so it must not be a link left by another user.
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

async function openLockFile(directory: string): Promise<FileHandle> {
  try {
    return await open(join(directory, 'tidemark.lock'), FLAGS, 0o600)
  } catch (error) {
    throw new StartError(`DATA_DIR cannot be used: ${(error as Error).message}`, { cause: error })
  }
}
