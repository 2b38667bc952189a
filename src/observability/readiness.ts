import type { Database } from '../db/database.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { withTimeout } from '../lib/timeout.ts'
import type { WakeupBus } from '../wakeups/bus.ts'

const ANSWER_MS = 2_000

/** Cache lifetime of the check, because anyone may poll it. */
const REMEMBER_MS = 1_000

/** The status of `/readyz`; all but `ready` answer 503. */
export type Readiness = () => Promise<{ status: 'ready' | 'draining' | 'unavailable' }>

/** Checks readiness; a disconnected wakeup bus or a newer version's migrations do not make the server unready. */
export function createReadiness({ mode, durability, migrations }: Database, bus: WakeupBus, lifecycle: Lifecycle) {
  const ask = () => ({ at: performance.now(), schema: withTimeout(migrations(), ANSWER_MS).catch(() => undefined) })
  let asked: ReturnType<typeof ask> | undefined
  return async () => {
    if (lifecycle.draining) return { status: 'draining' } as const
    if (!asked || performance.now() - asked.at > REMEMBER_MS) asked = ask()
    const schema = await asked.schema
    const database = { mode, reachable: schema !== undefined, durability, meaning: MEANING[durability] }
    const { source, connected } = bus
    return {
      status: schema?.pending.length === 0 ? 'ready' : 'unavailable',
      database,
      migrations: schema && { ...schema, meaning: meaningOf(schema) },
      wakeups: { source, connected, meaning: connected ? WAKEUPS[source] : DISCONNECTED },
    } as const
  }
}

const MEANING = {
  'process-crash': 'An acknowledged event survives a crash of the process, not a loss of power.',
  'power-loss': 'An acknowledged event survives a crash of the process and a loss of power.',
  relaxed: 'PostgreSQL runs with fsync or synchronous_commit off: a loss of power may take the newest events.',
} as const

function meaningOf({ pending, newer }: { pending: string[]; newer: string[] }): string {
  if (pending.length > 0) return 'The database lacks migrations of this version: run "tidemark migrate".'
  return newer.length > 0
    ? "A newer version has migrated the database: put that in this server's place."
    : "The database is at this version's schema."
}

const WAKEUPS = {
  'in-process': 'This process alone uses the database, and tells its subscribers itself.',
  postgres: 'Servers of the same database tell each other of new events by LISTEN and NOTIFY.',
  redis: 'Servers of the same database tell each other of new events by Redis.',
} as const

const DISCONNECTED =
  "Not connected, and trying to be: other servers' events reach subscribers by the poll, about a second late. None is lost."
