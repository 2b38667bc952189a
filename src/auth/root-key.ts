import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { makeKey, storedForm } from './api-key.ts'
import { ROOT_KEY_ID } from './authenticate.ts'

/** The root key made at a first start, and the file it was written to. */
export interface FirstRootKey {
  key: string
  file: string
}

/**
 * Makes the root key of a database that has none. Only its hash is stored, so the file and what the caller shows are the only
 * copies. The file is written first and gets its name last, so that a crash never loses a stored key.
 * @returns undefined when there was a root key already, also when another node was quicker.
 */
export async function makeFirstRootKey(db: PrismaClient, dataDir: string): Promise<FirstRootKey | undefined> {
  if (await db.apiKey.findUnique({ where: { id: ROOT_KEY_ID } })) return undefined
  const key = makeKey()
  const file = join(dataDir, 'root-api-key')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${key}\n`, { mode: 0o600 })
  const row = { id: ROOT_KEY_ID, role: 'ADMIN', name: 'root', ...storedForm(key) } as const
  const { count } = await db.apiKey.createMany({ data: [row], skipDuplicates: true })
  if (count === 0) {
    await rm(draft)
    return undefined
  }
  await rename(draft, file)
  return { key, file }
}
