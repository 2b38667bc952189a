// What a build depends on, by content: times of files say little after a checkout or a copy.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Holds the hash of the inputs of the last complete build. */
export const BUILT_FROM = 'dist/built-from.sha256'

const FOLDERS = ['src', 'prisma', '.config']

/** The second lists the packages that are installed. */
const FILES = ['package.json', 'node_modules/.package-lock.json']

/** A hash of all inputs in the current folder. Prisma's client is made from them and not one of them. */
export function hashInputs() {
  const found = FOLDERS.flatMap(filesIn).filter((path) => !/^src.(db|console.api).generated/.test(path))
  return hashFiles([...found, ...FILES.filter((file) => existsSync(file))])
}

/** The paths of all files in a folder. */
export function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** A hash of paths and contents. */
export function hashFiles(paths) {
  const hash = createHash('sha256')
  for (const path of paths.toSorted())
    hash.update(`${path}\0`).update(createHash('sha256').update(readFileSync(path)).digest())
  return hash.digest('hex')
}

/** Whether the last complete build was made from what is here now. */
export function isBuilt() {
  return existsSync(BUILT_FROM) && readFileSync(BUILT_FROM, 'utf8') === hashInputs()
}
