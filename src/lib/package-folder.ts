import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package's `package.json`, above the sources and above what they are built into. */
export const packageFolder = folderOf(dirname(fileURLToPath(import.meta.url)))

function folderOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOf(dirname(folder))
}
