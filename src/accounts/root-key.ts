import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivate } from '../db/private-directory.ts'
import type { Queries } from '../db/queries.ts'
import { isReadOnly } from '../db/transient-errors.ts'
import { StartError } from '../errors.ts'
import { ROOT_KEY_ID } from './authenticate.ts'
import { makeKey, storedForm } from './key-hash.ts'

export interface FirstRootKey {
  key: string
  file: string
}

export interface RootKey {
  firstRootKey?: FirstRootKey
  /** The file of a root key made now or earlier. */
  rootKeyFile?: string
}

/**
 * Makes the root key of a database without one; only its hash is stored, so the file and the caller's output are the
 * only copies. The file is written before the insert and renamed after it, so a crash never loses a stored key; an
 * existing file is another database's and is kept under another name. @throws StartError when DATA_DIR cannot be used.
 */
export async function makeFirstRootKey(db: Queries, dataDir: string): Promise<RootKey> {
  const file = join(dataDir, 'root-api-key')
  const stored = await db.$queryRaw<object[]>`SELECT id FROM api_key WHERE id = ${ROOT_KEY_ID}::uuid`
  if (stored.length === 0) {
    const key = makeKey()
    await makePrivate(dataDir)
    const draft = `${file}.${randomUUID()}`
    await writeFile(draft, `${key}\n`, { mode: 0o600, flag: 'wx' }).catch(cannotWrite)
    const { prefix, hash } = storedForm(key)
    const insert = db.$queryRaw<object[]>`
      INSERT INTO api_key (id, role, name, prefix, hash) VALUES (${ROOT_KEY_ID}::uuid, 'ADMIN', 'root',
      ${prefix}, ${hash})
      ON CONFLICT DO NOTHING RETURNING id`
    const inserted = await insert.catch(async (error) => {
      // Otherwise it may have been stored.
      if (isReadOnly(error)) await rm(draft)
      throw error
    })
    if (inserted.length === 1) {
      if (existsSync(file)) await rename(file, `${file}.until-${new Date().toISOString().replaceAll(':', '-')}`)
      await rename(draft, file)
      return { firstRootKey: { key, file }, rootKeyFile: file }
    }
    // Another server inserted first.
    await rm(draft)
  }
  if (!existsSync(file)) return {}
  await makePrivate(dataDir)
  return { rootKeyFile: file }
}

function cannotWrite(error: Error): never {
  throw new StartError(`DATA_DIR cannot be used: ${error.message}`, { cause: error })
}
