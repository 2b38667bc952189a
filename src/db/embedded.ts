import type { FileHandle } from 'node:fs/promises'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import type { Config } from '../config.ts'
import { watchMainThread } from '../lib/watchdog.ts'
import { clientOptions } from './client-options.ts'
import type { Database } from './database.ts'
import { databaseState } from './database-state.ts'
import { lockDirectory, tryLockDirectory } from './directory-lock.ts'
import { type DiskObserver, DiskSpace } from './disk-space.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { MigrationError, migrate, migrationState, pendingMigrations } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { makeContentsPrivate, makePrivate } from './private-directory.ts'
import { type Queries, queriesOf } from './queries.ts'
import { serverAdapter } from './shared/server-adapter.ts'
import { connectToServer } from './shared/server-connection.ts'
import { shareDatabase } from './shared/share-database.ts'
import { socketPath } from './shared/socket-path.ts'

type Place = Pick<Config, 'dataDir' | 'databaseTimeoutSeconds'>

/** Creates, migrates and opens the embedded database. @throws StartError, also when another process has it open. */
export async function openEmbedded(config: Place, onDiskChange: DiskObserver): Promise<Database> {
  await makePrivate(config.dataDir)
  return openLocked(config, await lockDirectory(config.dataDir), onDiskChange)
}

/** Opens it likewise, or through the server that has it open. @throws StartError when another command has it open. */
export async function joinEmbedded(config: Place, onDiskChange: DiskObserver): Promise<Database> {
  await makePrivate(config.dataDir)
  const lock = await tryLockDirectory(config.dataDir)
  return lock ? openLocked(config, lock, onDiskChange) : openThroughServer(config)
}

async function openLocked(config: Place, lock: FileHandle, onDiskChange: DiskObserver): Promise<Database> {
  const { dataDir } = config
  await using opening = new AsyncDisposableStack()
  opening.adopt(lock, (held) => held.close())
  const { PrismaPGlite } = await import('pglite-prisma-adapter')
  const disk = opening.use(await DiskSpace.watch(dataDir, onDiskChange))
  const pglite = opening.adopt(await openPglite(dataDir), (opened) => opened.close())
  makeContentsPrivate(dataDir)
  await migrate(pglite)
  // PostgreSQL knows what writes, whatever sends it: requests, tasks of the server, commands beside it.
  disk.follow((isFull) => {
    pglite.exec(`SET default_transaction_read_only = ${isFull ? 'on' : 'off'}`).catch(() => undefined)
  })
  // It runs on the main thread. Recovery and migrations, done by now, may take as long as they need.
  const watchdog = watchMainThread()
  const adapter = new PrismaPGlite(pglite)
  const prisma = opening.adopt(clientOf(adapter, config), (client) => client.$disconnect())
  const driver = await adapter.connect()
  const closers = opening.move()
  return {
    ...databaseOf(prisma, queriesOf(driver)),
    disk,
    share: async () => shareDatabase({ pglite, adapter: driver }, socketPath(dataDir)),
    async [Symbol.asyncDispose]() {
      await closers.disposeAsync()
      watchdog[Symbol.dispose]()
    },
  }
}

async function openThroughServer(config: Place): Promise<Database> {
  const { dataDir } = config
  await using connection = await connectToServer(dataDir)
  if ((await pendingMigrations(connection)).length > 0)
    throw new MigrationError(`The server that uses ${dataDir} runs an older version. Restart it with this one.`)
  const adapter = serverAdapter(socketPath(dataDir))
  const driver = await adapter.connect()
  return databaseOf(clientOf(adapter, config), queriesOf(driver), () => driver.dispose())
}

function clientOf(adapter: SqlDriverAdapterFactory, { databaseTimeoutSeconds }: Place): PrismaClient {
  return new PrismaClient({ adapter, ...clientOptions(databaseTimeoutSeconds * 1_000) })
}

function databaseOf(prisma: PrismaClient, queries: Queries, close?: () => Promise<void>): Database {
  return {
    prisma,
    queries,
    spareQueries: queries,
    maintenance: queries,
    mode: 'embedded',
    durability: 'process-crash',
    connections: 1,
    migrations: () => migrationState(queries),
    state: (functions) => databaseState(queries, functions),
    limit: () => undefined,
    async [Symbol.asyncDispose]() {
      await prisma.$disconnect()
      await close?.()
    },
  }
}
