import type { Database } from '../db/database.ts'
import type { DatabaseState } from '../db/database-state.ts'
import type { MigrationState } from '../db/migrate.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { withTimeout } from '../lib/timeout.ts'
import { describeHistory, readHistory } from '../log/read/history.ts'
import { SQL_FUNCTIONS } from '../log/sql-functions.ts'
import type { WakeupBus } from '../wakeups/bus.ts'

const TIMEOUT_MS = 2_000

const DETAIL_TIMEOUT_MS = 1_000

/** Cache lifetime of the check, because anyone may poll it. */
const REMEMBER_MS = 1_000

type Status = 'ready' | 'degraded' | 'draining' | 'unavailable'

/** The status of `/readyz`. */
export type Readiness = () => Promise<{ status: Status }>

/** Whether the server can do its work; some reads fail while the database is damaged. */
export function isUp(status: Status): boolean {
  return status === 'ready' || status === 'degraded'
}

/** Checks readiness; a disconnected wakeup bus or a newer version's migrations do not make the server unready. */
export function createReadiness(
  { mode, durability, migrations, state, spareQueries }: Database,
  bus: WakeupBus,
  lifecycle: Lifecycle,
) {
  const ask = () => {
    const schema = migrations()
    // A detail, which is not there before this version's migrations, and not waited for if its tables are locked. On
    // the same connection, of which key look-ups need some.
    const read = schema.then(() => readHistory(spareQueries))
    const history = withTimeout(read, DETAIL_TIMEOUT_MS).catch(() => undefined)
    const found = Promise.all([schema, state(SQL_FUNCTIONS), history])
    return { at: performance.now(), found: withTimeout(found, TIMEOUT_MS).catch(() => undefined) }
  }
  let asked: ReturnType<typeof ask> | undefined
  return async () => {
    if (lifecycle.draining) return { status: 'draining' } as const
    if (!asked || performance.now() - asked.at > REMEMBER_MS) asked = ask()
    const [schema, found = NONE, history] = (await asked.found) ?? []
    const { writable, missing, changedSettings } = found
    const reachable = schema !== undefined
    const { damaged } = lifecycle
    const meaning = (reachable && problemOf(found)) || (damaged ? DAMAGED : MEANING[durability])
    const database = { mode, reachable, writable, changedSettings, damaged, durability, meaning }
    const { source, connected } = bus
    const isUsable = schema?.pending.length === 0 && missing.length === 0 && problemOf(found) === undefined
    return {
      status: !isUsable ? 'unavailable' : damaged ? 'degraded' : 'ready',
      database,
      migrations: schema && { ...schema, missing, meaning: meaningOf(schema, missing) },
      history: history && { ...history, meaning: describeHistory(history) },
      wakeups: { source, connected, meaning: connected ? WAKEUPS[source] : DISCONNECTED },
    } as const
  }
}

const NONE: DatabaseState = { writable: false, readable: false, missing: [], changedSettings: [] }

function problemOf({ writable, readable, changedSettings }: DatabaseState): string | undefined {
  if (!readable) return UNREADABLE
  if (!writable) return READ_ONLY
  return changedSettings.length > 0 ? CHANGED_SETTINGS : undefined
}

const UNREADABLE =
  'Queries of the tables fail: the user may lack permissions, or a newer version has changed the tables.'

const READ_ONLY =
  'The database is read-only: a replica, or protected because its disk is full. Events cannot be recorded.'

const CHANGED_SETTINGS =
  'Sessions lose settings, as behind a transaction pooler. Reset them for the user with ALTER ROLE, or connect ' +
  'directly.'

const DAMAGED = 'Events are missing or cannot be read, and reads of those fail. The log names them. Restore a backup.'

const MEANING = {
  'process-crash': 'Acknowledged events survive a process crash, but not a power failure.',
  'power-loss': 'Acknowledged events survive a process crash and a power failure.',
  relaxed: 'PostgreSQL runs with fsync or synchronous_commit off: a power failure may lose the newest events.',
} as const

function meaningOf({ pending, newer }: MigrationState, missing: readonly string[]): string {
  if (pending.length === 0 && missing.length > 0)
    return (
      'The database lacks functions that this version needs. A newer version may have dropped them: upgrade this ' +
      'server.'
    )
  if (pending.length > 0) return 'Migrations of this version are not applied. Run "tidemark migrate".'
  return newer.length > 0
    ? 'A newer version has migrated the database. Upgrade this server.'
    : 'The database schema is up to date.'
}

const WAKEUPS = {
  'in-process': 'Only this process uses the database, and it notifies its subscribers directly.',
  postgres: 'Servers of the same database notify each other of new events through LISTEN and NOTIFY.',
  redis: 'Servers of the same database notify each other of new events through Redis.',
} as const

const DISCONNECTED =
  'Disconnected, or notifications do not arrive, as through a transaction pooler; reconnecting. ' +
  'Events of other servers are found by polling, about 1 s late. None are lost.'
