import { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'

/** Path of the embedded database. */
export function pgliteDirectory(dataDir: string): string {
  return `${dataDir}/pglite`
}

/** Opens or creates the embedded database; the caller holds the folder's lock. @throws StartError */
export async function openPglite(dataDir: string): Promise<PGlite> {
  const directory = pgliteDirectory(dataDir)
  try {
    return await PGlite.create(directory)
  } catch (error) {
    throw new StartError(
      `Cannot open the database in DATA_DIR. Restore ${directory} from a backup, or choose another DATA_DIR. (${error})`,
      { cause: error },
    )
  }
}
