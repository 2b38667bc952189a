import { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'

/** Where the embedded database of a DATA_DIR is. */
export function pgliteDirectory(dataDir: string): string {
  return `${dataDir}/pglite`
}

/** Opens the embedded database, made if missing. The folder must be locked. @throws StartError when it cannot be opened. */
export async function openPglite(dataDir: string): Promise<PGlite> {
  const directory = pgliteDirectory(dataDir)
  try {
    return await PGlite.create(directory)
  } catch (error) {
    throw new StartError(
      `The database in DATA_DIR cannot be opened: restore ${directory}, or choose another DATA_DIR. (${error})`,
      { cause: error },
    )
  }
}
