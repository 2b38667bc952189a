import { existsSync } from 'node:fs'
import { type Config, ConfigError } from '../../config.ts'
import type { DatabaseConnection } from '../../db/database-connection.ts'
import { inspectDatabase } from '../../db/inspect.ts'
import { checkClock } from './check-clock.ts'
import { checkConnections } from './check-connections.ts'
import { checkCounters } from './check-counters.ts'
import { checkDiskSpace } from './check-disk-space.ts'
import { checkDurability } from './check-durability.ts'
import { checkFolder } from './check-folder.ts'
import { checkHistory } from './check-history.ts'
import { checkMigrations } from './check-migrations.ts'
import { checkSession } from './check-session.ts'
import { checkTimes } from './check-times.ts'
import { checkTransactions } from './check-transactions.ts'
import { checkListen, checkRedis } from './check-wakeups.ts'
import type { CheckResult, Finding } from './finding.ts'

/** Read-only; later checks rely on earlier ones. @param progress receives the number of streams checked. */
export async function* runChecks(
  readSettings: () => Config,
  warnings: readonly string[],
  progress: (streams: number) => void,
): AsyncGenerator<Finding> {
  const config = settings(readSettings)
  if (config instanceof ConfigError) {
    const [found = '', ...details] = config.message.split(/\n */)
    yield {
      check: 'settings',
      state: 'problem',
      found,
      advice: 'See docs/settings.md.',
      details: [...details, ...warnings],
    }
    return
  }
  yield warnings.length === 0
    ? { check: 'settings', state: 'ok', found: 'The settings are valid.' }
    : { check: 'settings', state: 'warning', found: warnings.join(' ') }
  const { databaseUrl, rootApiKey, redisUrl, dataDir } = config
  const used = !databaseUrl || !rootApiKey
  if (used && existsSync(dataDir)) yield check('folder', () => checkFolder(dataDir))
  if (redisUrl) yield check('redis', () => checkRedis(redisUrl))
  try {
    await using db = await inspectDatabase(config)
    if (db) yield* examineDatabase(db, config, progress)
    else
      yield { check: 'database', state: 'ok', found: 'DATA_DIR contains no database yet. The first start creates it.' }
  } catch (error) {
    yield failed('database', error)
  }
}

async function* examineDatabase(
  db: DatabaseConnection,
  { databaseUrl, redisUrl, dataDir }: Config,
  progress: (streams: number) => void,
): AsyncGenerator<Finding> {
  yield check('database', () => version(db, databaseUrl ? 'PostgreSQL' : 'The embedded PostgreSQL'))
  const mode = databaseUrl ? 'postgres' : 'embedded'
  const migrations = await check('migrations', () => checkMigrations(db, mode))
  yield migrations
  yield check('durability', () => checkDurability(db, mode))
  if (databaseUrl) {
    yield check('session', () => checkSession(db, databaseUrl))
    yield check('clock', () => checkClock(db))
    yield check('transactions', () => checkTransactions(db))
    yield check('connections', () => checkConnections(db))
    if (!redisUrl) yield check('wakeups', () => checkListen(databaseUrl))
  } else {
    yield check('disk', () => checkDiskSpace(dataDir))
  }
  // These need this version's tables.
  if (migrations.state !== 'ok') return
  yield check('history', () => checkHistory(db))
  yield check('times', () => checkTimes(db))
  yield check('counters', () => checkCounters(db, progress))
}

async function version(db: DatabaseConnection, name: string): Promise<CheckResult> {
  const { rows } = await db.query<{ version: string }>(`SELECT current_setting('server_version') AS version`)
  return { state: 'ok', found: `${name} ${rows[0]?.version} is reachable.` }
}

function settings(read: () => Config): Config | ConfigError {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

async function check(name: string, work: () => Promise<CheckResult>): Promise<Finding> {
  return work().then(
    (result) => ({ check: name, ...result }),
    (error) => failed(name, error),
  )
}

function failed(name: string, error: unknown): Finding {
  return { check: name, state: 'problem', found: error instanceof Error ? error.message : String(error) }
}
