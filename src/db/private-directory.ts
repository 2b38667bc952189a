import { chmodSync, lstatSync, readdirSync } from 'node:fs'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../errors.ts'

/** What Tidemark puts into a DATA_DIR. */
const OWN = /^(?:pglite|tidemark\.lock|root-api-key.*)$/

/**
 * Closes a DATA_DIR, created if missing, to other users: payloads and keys are in it. An existing one is closed only when nothing else
 * is in it, so that DATA_DIR=/tmp locks no one out.
 * @throws StartError when it cannot be used, or stays open.
 */
export async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await checkOwner(directory)
    // Every new file system has the other one.
    const alone = (await readdir(directory)).every((name) => OWN.test(name) || name === 'lost+found')
    if (alone && (await openMode(directory))) await chmod(directory, 0o700)
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`DATA_DIR cannot be used: ${(error as Error).message}`, { cause: error })
  }
  const mode = await openMode(directory)
  if (mode === undefined) return
  throw new StartError(
    `DATA_DIR cannot be used: other users may enter ${directory} (its mode is ${mode}). Run "chmod 700" on it, or name a folder of its own.`,
  )
}

/** @throws StartError when the folder belongs to another user, whom files of this process would lock out. */
export async function checkOwner(directory: string): Promise<void> {
  const { uid } = await stat(directory)
  if (process.geteuid === undefined || uid === process.geteuid()) return
  throw new StartError(
    `DATA_DIR cannot be used: ${directory} belongs to another user. Name a folder of this user's own.`,
  )
}

/** The mode of an existing folder, in octal digits, when other users may enter it. Windows has no such modes. */
export async function openMode(directory: string): Promise<string | undefined> {
  const { mode } = await stat(directory)
  if (process.geteuid === undefined || (mode & 0o077) === 0) return undefined
  return (mode & 0o7777).toString(8)
}

/**
 * Closes everything that Tidemark has put into a DATA_DIR, which must be locked: PGlite makes its first files with mode 666 whatever the
 * umask is. The folder keeps others out, but copies and backups keep the modes.
 */
export function makeContentsPrivate(directory: string): void {
  for (const name of readdirSync(directory)) if (OWN.test(name)) closeTree(join(directory, name))
}

// Synchronous, so that PGlite removes nothing meanwhile.
function closeTree(path: string): void {
  const stats = lstatSync(path)
  if (stats.isDirectory()) for (const name of readdirSync(path)) closeTree(join(path, name))
  if (stats.uid !== process.geteuid?.() || (stats.mode & 0o077) === 0) return
  if (stats.isDirectory()) chmodSync(path, 0o700)
  else if (stats.isFile()) chmodSync(path, 0o600)
}
