import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection } from './connection.ts'
import { tryLockDirectory } from './directory-lock.ts'
import { openPglite, pgliteDirectory } from './pglite.ts'
import { checkOwner } from './private-directory.ts'
import { connectToServer } from './shared/server-connection.ts'

/** Neither creates nor migrates, as `joinDatabase` does; undefined without an embedded database. @throws StartError */
export async function inspectDatabase({
  databaseUrl,
  dataDir,
}: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<(DatabaseConnection & AsyncDisposable) | undefined> {
  if (databaseUrl) return connect(databaseUrl)
  if (!existsSync(pgliteDirectory(dataDir))) return undefined
  await checkOwner(dataDir)
  const lock = await tryLockDirectory(dataDir)
  if (!lock) return connectToServer(dataDir)
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
