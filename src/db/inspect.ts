import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection } from './connection.ts'
import { lockDirectory } from './directory-lock.ts'
import { spaceToStart } from './disk-space.ts'
import { openPglite, pgliteDirectory } from './pglite.ts'
import { checkOwner } from './private-directory.ts'

/** Neither creates nor migrates; undefined without an embedded database. @throws StartError when it cannot open. */
export async function inspectDatabase({
  databaseUrl,
  dataDir,
}: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<(DatabaseConnection & AsyncDisposable) | undefined> {
  if (databaseUrl) return connect(databaseUrl)
  if (!existsSync(pgliteDirectory(dataDir))) return undefined
  await checkOwner(dataDir)
  await spaceToStart(dataDir)
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
