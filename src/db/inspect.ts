import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { type Connection, connect } from './connection.ts'
import { lockDirectory } from './directory-lock.ts'
import { openPglite, pgliteDirectory } from './pglite.ts'
import { checkOwner } from './private-directory.ts'

/**
 * Opens a database as it is, neither making nor migrating it; the embedded one only while no server has it open.
 * @returns nothing when there is no embedded database yet.
 * @throws StartError when it cannot be opened.
 */
export async function inspectDatabase({
  databaseUrl,
  dataDir,
}: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<(Connection & AsyncDisposable) | undefined> {
  if (databaseUrl) return connect(databaseUrl)
  if (!existsSync(pgliteDirectory(dataDir))) return undefined
  await checkOwner(dataDir)
  const lock = await lockDirectory(dataDir)
  try {
    const pglite = await openPglite(dataDir)
    return {
      query: (sql, parameters) => pglite.query(sql, parameters),
      exec: (sql) => pglite.exec(sql),
      async [Symbol.asyncDispose]() {
        await pglite.close()
        await lock.close()
      },
    }
  } catch (error) {
    await lock.close()
    throw error
  }
}
