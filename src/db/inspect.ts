import { existsSync } from 'node:fs'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import type { Config } from '../config.ts'
import { connect, type DatabaseConnection } from './database-connection.ts'
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
  await using opening = new AsyncDisposableStack()
  opening.adopt(await lockDirectory(dataDir), (lock) => lock.close())
  const pglite = opening.adopt(await openPglite(dataDir), (pglite) => pglite.close())
  const closers = opening.move()
  return {
    query: (sql, parameters) => pglite.query(sql, parameters),
    exec: (sql) => pglite.exec(sql),
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  }
}
