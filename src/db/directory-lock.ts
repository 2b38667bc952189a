import { mkdirSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'

/** Another process has the data folder open. */
export class DirectoryInUseError extends Error {
  override name = 'DirectoryInUseError'
}

/**
 * Takes `tidemark.lock` in the folder, made if missing, until the handle is closed or the process ends, however it ends:
 * the lock is the kernel's, so a killed holder leaves nothing in the way. PGlite has no lock of its own, and two processes
 * on one folder lose rows that were acknowledged.
 * @throws DirectoryInUseError at once, naming the holder's process id.
 */
export async function lockDirectory(directory: string): Promise<FileHandle> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = await open(join(directory, 'tidemark.lock'), 'a+')
  if (!tryLock(file.fd)) {
    const holder = (await file.readFile('utf8')).trim()
    await file.close()
    throw new DirectoryInUseError(
      `${directory} is in use by process ${holder || '(starting)'}: stop it, or choose another DATA_DIR.`,
    )
  }
  await file.truncate()
  await file.write(`${process.pid}\n`)
  return file
}
