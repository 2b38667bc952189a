import { existsSync } from 'node:fs'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection } from './database-connection.ts'
import { tryLockDirectory } from './directory-lock.ts'
import { spaceToStart } from './disk-space.ts'
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
  await spaceToStart(dataDir)
  const lock = await tryLockDirectory(dataDir)
  if (!lock) return connectToServer(dataDir)
  await using opening = new AsyncDisposableStack()
  opening.adopt(lock, (held) => held.close())
  const pglite = opening.adopt(await openPglite(dataDir), (pglite) => pglite.close())
  const closers = opening.move()
  return {
    query: (sql, parameters) => pglite.query(sql, parameters),
    exec: (sql) => pglite.exec(sql),
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  }
}
