import { existsSync, lstatSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'
import { packageFolder } from '../lib/package-folder.ts'
import { pinSession } from './session.ts'

/** What the build has `initdb` and the migrations make, which takes seconds. */
const NEW_DATABASE = join(packageFolder, 'dist/new-database.tar.gz')

// PostgreSQL's own default of 128 MB is taken in full at the start; the system caches files as well.
const SHARED_BUFFERS = ['-c', 'shared_buffers=32MB']

export function pgliteDirectory(dataDir: string): string {
  return `${dataDir}/pglite`
}

/** Opens or creates the embedded database; the caller holds the folder's lock. @throws StartError */
export async function openPglite(dataDir: string): Promise<PGlite> {
  const directory = pgliteDirectory(dataDir)
  // Loaded here, so that a server on PostgreSQL does without.
  const { PGlite } = await import('@electric-sql/pglite')
  if (lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink()) throw notOfItsOwn(directory, 'a link')
  try {
    if (!existsSync(join(directory, 'PG_VERSION'))) await unpackNewDatabase(directory)
    const pglite = await PGlite.create(directory, {
      startParams: [...PGlite.defaultStartParams, ...SHARED_BUFFERS],
    })
    await pglite.exec(pinSession())
    return pglite
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') throw notOfItsOwn(directory, 'a mount point')
    throw new StartError(
      `Cannot open the database in DATA_DIR. Restore ${directory} from a backup, or choose another DATA_DIR. ` +
        `(${error})`,
      { cause: error },
    )
  }
}

// The lock beside it would not stop a process that reaches the directory by another path.
function notOfItsOwn(directory: string, what: string): StartError {
  return new StartError(
    `${directory} is ${what}. Make DATA_DIR itself ${what}, since the lock of the database is there.`,
  )
}

// Not by PGlite, which holds all files in memory, and would leave a part of them if the process were killed.
async function unpackNewDatabase(directory: string): Promise<void> {
  if (!existsSync(NEW_DATABASE)) return
  const { extract } = await import('tar')
  const draft = `${directory}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  await extract({ file: NEW_DATABASE, cwd: draft })
  await rename(draft, directory)
}
