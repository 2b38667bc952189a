import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'
import { packageFolder } from '../lib/package-folder.ts'
import { pinSession } from './session.ts'

/** What the build has `initdb` make, which takes seconds. */
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
  try {
    const pglite = await PGlite.create(directory, {
      startParams: [...PGlite.defaultStartParams, ...SHARED_BUFFERS],
      loadDataDir: existsSync(join(directory, 'PG_VERSION')) ? undefined : await newDatabase(),
    })
    await pglite.exec(pinSession())
    return pglite
  } catch (error) {
    throw new StartError(
      `Cannot open the database in DATA_DIR. Restore ${directory} from a backup, or choose another DATA_DIR. ` +
        `(${error})`,
      { cause: error },
    )
  }
}

async function newDatabase(): Promise<Blob | undefined> {
  if (!existsSync(NEW_DATABASE)) return undefined
  return new Blob([await readFile(NEW_DATABASE)], { type: 'application/x-gzip' })
}
