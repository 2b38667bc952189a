import type { FileHandle } from 'node:fs/promises'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Database } from './database.ts'
import { databaseState } from './database-state.ts'
import { lockDirectory, tryLockDirectory } from './directory-lock.ts'
import { ERROR_FORMAT } from './error-format.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { MigrationError, migrate, migrationState, pendingMigrations } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { makeContentsPrivate, makePrivate } from './private-directory.ts'
import { serverAdapter } from './shared/server-adapter.ts'
import { connectToServer } from './shared/server-connection.ts'
import { shareDatabase } from './shared/share-database.ts'
import { socketPath } from './shared/socket-path.ts'

/** Creates, migrates and opens the embedded database. @throws StartError, also when another process has it open. */
export async function openEmbedded(dataDir: string): Promise<Database> {
  await makePrivate(dataDir)
  return openLocked(dataDir, await lockDirectory(dataDir))
}

/** Opens it likewise, or through the server that has it open. @throws StartError when another command has it open. */
export async function joinEmbedded(dataDir: string): Promise<Database> {
  await makePrivate(dataDir)
  const lock = await tryLockDirectory(dataDir)
  return lock ? openLocked(dataDir, lock) : openThroughServer(dataDir)
}

async function openLocked(dataDir: string, lock: FileHandle): Promise<Database> {
  try {
    const { PrismaPGlite } = await import('pglite-prisma-adapter')
    const pglite = await openPglite(dataDir)
    makeContentsPrivate(dataDir)
    await migrate(pglite)
    const adapter = new PrismaPGlite(pglite)
    const database = databaseOf(adapter, async () => {
      await pglite.close()
      await lock.close()
    })
    const share = async () => shareDatabase({ pglite, adapter: await adapter.connect() }, socketPath(dataDir))
    return { ...database, share }
  } catch (error) {
    await lock.close()
    throw error
  }
}

async function openThroughServer(dataDir: string): Promise<Database> {
  await using connection = await connectToServer(dataDir)
  if ((await pendingMigrations(connection)).length > 0)
    throw new MigrationError(`The server that uses ${dataDir} is of an older version. Restart it with this one.`)
  return databaseOf(serverAdapter(socketPath(dataDir)), async () => undefined)
}

function databaseOf(adapter: SqlDriverAdapterFactory, close: () => Promise<void>): Database {
  const prisma = new PrismaClient({ adapter, errorFormat: ERROR_FORMAT })
  return {
    prisma,
    spare: prisma,
    mode: 'embedded',
    durability: 'process-crash',
    connections: 1,
    migrations: () => migrationState(prisma),
    state: (functions) => databaseState(prisma, functions),
    async [Symbol.asyncDispose]() {
      await prisma.$disconnect()
      await close()
    },
  }
}
