import { chmodSync, lstatSync, readdirSync } from 'node:fs'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../errors.ts'

const OWN = /^(?:pglite(?:\.new)?|tidemark\.(?:lock|sock)|root-api-key.*)$/

/** Closes DATA_DIR to others; an existing one only if nothing else is in it, as in /tmp. @throws StartError */
export async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await checkOwner(directory)
    // New file systems contain lost+found.
    const alone = (await readdir(directory)).every((name) => OWN.test(name) || name === 'lost+found')
    if (alone && (await openMode(directory))) await chmod(directory, 0o700)
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`DATA_DIR cannot be used: ${(error as Error).message}`, { cause: error })
  }
  const mode = await openMode(directory)
  if (mode === undefined) return
  throw new StartError(
    `DATA_DIR cannot be used: other users can access ${directory} (mode ${mode}). Run "chmod 700" on it, or choose ` +
      'another directory.',
  )
}

/** @throws StartError when another user owns the folder, who could not read the files of this process. */
export async function checkOwner(directory: string): Promise<void> {
  const { uid } = await stat(directory)
  if (process.geteuid === undefined || uid === process.geteuid()) return
  throw new StartError(
    `DATA_DIR cannot be used: ${directory} belongs to another user. Choose a directory that the current user owns.`,
  )
}

/** Octal mode of a folder that other users may enter, else undefined; Windows has no such modes. */
export async function openMode(directory: string): Promise<string | undefined> {
  const { mode } = await stat(directory)
  if (process.geteuid === undefined || (mode & 0o077) === 0) return undefined
  return (mode & 0o7777).toString(8)
}

/** For a locked DATA_DIR: PGlite's first files have mode 666 with any umask, and backups keep modes. */
export function makeContentsPrivate(directory: string): void {
  for (const name of readdirSync(directory)) if (OWN.test(name)) closeTree(join(directory, name))
}

// Synchronous, so PGlite removes no file meanwhile.
function closeTree(path: string): void {
  const stats = lstatSync(path)
  if (stats.isDirectory()) for (const name of readdirSync(path)) closeTree(join(path, name))
  if (stats.uid !== process.geteuid?.() || (stats.mode & 0o077) === 0) return
  if (stats.isDirectory()) chmodSync(path, 0o700)
  else if (stats.isFile()) chmodSync(path, 0o600)
}
