import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { makePrivate } from '../db/private-directory.ts'
import { ROOT_KEY_ID } from './authenticate.ts'
import { makeKey, storedForm } from './key-hash.ts'

/** The root key made at a first start, and the file it was written to. */
export interface FirstRootKey {
  key: string
  file: string
}

/** What a start has to tell of the root key. */
export interface RootKey {
  /** Present when it was made now. */
  firstRootKey?: FirstRootKey
  /** The file that a root key was written to, now or earlier. */
  rootKeyFile?: string
}

/**
 * Makes the root key of a database that has none. Only its hash is stored, so the file and what the caller shows are the only
 * copies. The file is written first and gets its name last, so that a crash never loses a stored key; a file of that name, which
 * is of another database then, is kept under another.
 */
export async function makeFirstRootKey(db: PrismaClient, dataDir: string): Promise<RootKey> {
  const file = join(dataDir, 'root-api-key')
  if (!(await db.apiKey.findUnique({ where: { id: ROOT_KEY_ID } }))) {
    const key = makeKey()
    await makePrivate(dataDir)
    const draft = `${file}.${randomUUID()}`
    await writeFile(draft, `${key}\n`, { mode: 0o600, flag: 'wx' })
    const row = { id: ROOT_KEY_ID, role: 'ADMIN', name: 'root', ...storedForm(key) } as const
    const { count } = await db.apiKey.createMany({ data: [row], skipDuplicates: true })
    if (count === 1) {
      if (existsSync(file)) await rename(file, `${file}.until-${new Date().toISOString().replaceAll(':', '-')}`)
      await rename(draft, file)
      return { firstRootKey: { key, file }, rootKeyFile: file }
    }
    // Another node was quicker.
    await rm(draft)
  }
  if (!existsSync(file)) return {}
  await makePrivate(dataDir)
  return { rootKeyFile: file }
}
